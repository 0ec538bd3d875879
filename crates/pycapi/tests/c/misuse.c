/* Each scenario breaks one rule, and dies of it. */
#include "check.h"

static void unlock_free(void) { PyMutex m = {0}; PyMutex_Unlock(&m); }
static void timed_null(void) { (void)_PyMutex_LockTimed(NULL, -1, _PY_LOCK_DETACH); }
static void raw_unlock_free(void) { _PyRawMutex m = {0}; _PyRawMutex_Unlock(&m); }
static void event_null(void) { _PyEvent_Notify(NULL); }

static int three(void *arg) { (void)arg; return 3; }
static void once_result(void) { _PyOnceFlag flag = {0}; _PyOnceFlag_CallOnce(&flag, three, NULL); }
static void once_null(void) { _PyOnceFlag flag = {0}; _PyOnceFlag_CallOnce(&flag, NULL, NULL); }

static void recursive_free(void) { _PyRecursiveMutex m = {{0}, 0, 0}; _PyRecursiveMutex_Unlock(&m); }

static void *unlock_theirs(void *m) { _PyRecursiveMutex_Unlock((_PyRecursiveMutex *)m); return NULL; }
static void recursive_other(void)
{
    _PyRecursiveMutex m = {{0}, 0, 0};
    _PyRecursiveMutex_Lock(&m);
    finish(start(unlock_theirs, &m));
}

static void rw_read_free(void) { _PyRWMutex m = {0}; _PyRWMutex_RUnlock(&m); }
static void rw_write_free(void) { _PyRWMutex m = {0}; _PyRWMutex_Unlock(&m); }
static void seq_unlock_free(void) { _PySeqLock lock = {0}; _PySeqLock_UnlockWrite(&lock); }
static void seq_abandon_free(void) { _PySeqLock lock = {0}; _PySeqLock_AbandonWrite(&lock); }
static void park_size(void) { uint32_t word = 0; _PyParkingLot_Park(&word, &word, 3, 0, NULL, 0); }
static void park_null(void) { uint32_t word = 0; _PyParkingLot_Park(NULL, &word, 4, 0, NULL, 0); }
static void park_crooked(void)
{
    uint64_t words[2] = {0, 0};
    _PyParkingLot_Park((char *)words + 1, words, 4, 0, NULL, 0);
}
static void unpark_null(void) { uint32_t word = 0; _PyParkingLot_Unpark(&word, NULL, NULL); }
static void semaphore_null(void) { _PySemaphore_Wakeup(NULL); }

static void say(const char *function, const char *message)
{
    fprintf(stderr, "told: %s, %s\n", function, message);
}
static const pycapi_hooks telling = {NULL, NULL, NULL, say};
static void told(void)
{
    CHECK(pycapi_install_hooks(&telling) == 0);
    unlock_free();
}

#ifndef PYCAPI_NO_EMBED
static void section_null(void) { PyCriticalSection c; PyCriticalSection_BeginMutex(&c, NULL); }
static void detach_detached(void) { pycapi_thread_detach(pycapi_runtime_start(0)); }
static void in_runtime(void) { CHECK(pycapi_runtime_start(0) != NULL); unlock_free(); }
#endif

/* The functions, not the inline halves, which read the byte first. */
#undef PyMutex_Lock
#undef PyMutex_Unlock
static void unlock_null(void) { PyMutex_Unlock(NULL); }
static void lock_null(void) { PyMutex_Lock(NULL); }

static const scenario scenarios[] = {
    {"unlock_free", unlock_free},
    {"unlock_null", unlock_null},
    {"lock_null", lock_null},
    {"timed_null", timed_null},
    {"raw_unlock_free", raw_unlock_free},
    {"event_null", event_null},
    {"once_result", once_result},
    {"once_null", once_null},
    {"recursive_free", recursive_free},
    {"recursive_other", recursive_other},
    {"rw_read_free", rw_read_free},
    {"rw_write_free", rw_write_free},
    {"seq_unlock_free", seq_unlock_free},
    {"seq_abandon_free", seq_abandon_free},
    {"park_size", park_size},
    {"park_null", park_null},
    {"park_crooked", park_crooked},
    {"unpark_null", unpark_null},
    {"semaphore_null", semaphore_null},
    {"told", told},
#ifndef PYCAPI_NO_EMBED
    {"section_null", section_null},
    {"detach_detached", detach_detached},
    {"in_runtime", in_runtime},
#endif
};

int
main(int argc, char **argv)
{
    return RUN_NAMED(scenarios);
}
