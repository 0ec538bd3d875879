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
static void raw_null(void) { _PyRawMutex_LockSlow(NULL); }
static void recursive_null(void) { _PyRecursiveMutex_Lock(NULL); }
static void rw_null(void) { _PyRWMutex_RLock(NULL); }
static void seq_null(void) { (void)_PySeqLock_BeginRead(NULL); }
static void expected_null(void) { uint32_t word = 0; _PyParkingLot_Park(&word, NULL, 4, 0, NULL, 0); }
static void flag_null(void) { _PyOnceFlag_CallOnceSlow(NULL, three, NULL); }
static void hooks_null(void) { (void)pycapi_install_hooks(NULL); }

static uint64_t room[4];
#define CROOKED(type) ((type *)(void *)((char *)room + 1))
static void raw_crooked(void) { _PyRawMutex_LockSlow(CROOKED(_PyRawMutex)); }
static void recursive_crooked(void) { _PyRecursiveMutex_Lock(CROOKED(_PyRecursiveMutex)); }
static void rw_crooked(void) { _PyRWMutex_Lock(CROOKED(_PyRWMutex)); }
static void seq_crooked(void) { _PySeqLock_LockWrite(CROOKED(_PySeqLock)); }
static void semaphore_crooked(void) { _PySemaphore_Init(CROOKED(_PySemaphore)); }

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
static void section_end_null(void) { PyCriticalSection_End(NULL); }
static void call_null(void) { (void)Py_AddPendingCall(NULL, NULL); }
static void thread_null(void) { (void)pycapi_thread_poll(NULL); }
static void poll_detached(void) { (void)pycapi_thread_poll(pycapi_runtime_start(0)); }

static void *detach_other(void *thread) { pycapi_thread_detach((pycapi_thread *)thread); return NULL; }
static void detach_theirs(void)
{
    pycapi_thread *thread = pycapi_runtime_start(0);
    CHECK(pycapi_thread_attach(thread) == 0);
    finish(start(detach_other, thread));
}

static int detach_me(void *thread) { pycapi_thread_detach((pycapi_thread *)thread); return 0; }
static void detach_in_call(void)
{
    pycapi_thread *thread = pycapi_runtime_start(0);
    CHECK(pycapi_thread_attach(thread) == 0 && Py_AddPendingCall(detach_me, thread) == 0);
    (void)pycapi_thread_poll(thread);
}

static int free_me(void *thread) { pycapi_thread_free((pycapi_thread *)thread); return 0; }
static void free_in_call(void)
{
    pycapi_thread *thread = pycapi_runtime_start(0);
    CHECK(pycapi_thread_attach(thread) == 0 && Py_AddPendingCall(free_me, thread) == 0);
    (void)pycapi_thread_poll(thread);
}
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
    {"raw_null", raw_null},
    {"recursive_null", recursive_null},
    {"rw_null", rw_null},
    {"seq_null", seq_null},
    {"expected_null", expected_null},
    {"flag_null", flag_null},
    {"hooks_null", hooks_null},
    {"raw_crooked", raw_crooked},
    {"recursive_crooked", recursive_crooked},
    {"rw_crooked", rw_crooked},
    {"seq_crooked", seq_crooked},
    {"semaphore_crooked", semaphore_crooked},
    {"told", told},
#ifndef PYCAPI_NO_EMBED
    {"section_null", section_null},
    {"detach_detached", detach_detached},
    {"in_runtime", in_runtime},
    {"section_end_null", section_end_null},
    {"call_null", call_null},
    {"thread_null", thread_null},
    {"poll_detached", poll_detached},
    {"detach_theirs", detach_theirs},
    {"detach_in_call", detach_in_call},
    {"free_in_call", free_in_call},
#endif
};

int
main(int argc, char **argv)
{
    return RUN_NAMED(scenarios);
}
