/* No lock, park, wait, critical section, attach or pending call takes heap: malloc and its like are ours here, and count what a thread asks for while it is in a
 * call of the library. */
#include "check.h"

static __thread volatile int in_call; /* compilers believe that malloc does not look at it */
static long taken;

static void
note(void)
{
    if (in_call) {
        __atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
    }
}

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { note(); return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { note(); return __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { note(); return __libc_realloc(old, size); }
void *memalign(size_t align, size_t size) { note(); return __libc_memalign(align, size); }
void *aligned_alloc(size_t align, size_t size) { return memalign(align, size); }
int posix_memalign(void **made, size_t align, size_t size)
{
    *made = memalign(align, size);
    return *made == NULL;
}

enum { THREADS = 4, ROUNDS = 500 };

typedef struct {
    PyMutex m;
    _PyRawMutex raw;
    _PyRWMutex rw;
    _PyRecursiveMutex recursive;
    _PySeqLock seq;
    _PySemaphore sema;
    PyEvent events[ROUNDS];
    _PyOnceFlag once[ROUNDS];
    uint32_t word;
} all_locks;

static all_locks locks;

static int
succeed(void *arg)
{
    (void)arg;
    sched_yield();
    return 0;
}

static void
ignore(void *arg, void *park_arg, int more)
{
    (void)arg, (void)park_arg, (void)more;
}

static void
round_of(int i, int mine)
{
    PyMutex_Lock(&locks.m);
    sched_yield();
    PyMutex_Unlock(&locks.m);
    if (_PyMutex_LockTimed(&locks.m, 10000, _PY_LOCK_DETACH) == PY_LOCK_ACQUIRED) {
        PyMutex_Unlock(&locks.m);
    }
    _PyRawMutex_Lock(&locks.raw);
    sched_yield();
    _PyRawMutex_Unlock(&locks.raw);
    _PyRWMutex_RLock(&locks.rw);
    _PyRWMutex_RUnlock(&locks.rw);
    _PyRWMutex_Lock(&locks.rw);
    sched_yield();
    _PyRWMutex_Unlock(&locks.rw);
    _PyRecursiveMutex_Lock(&locks.recursive);
    _PyRecursiveMutex_Lock(&locks.recursive);
    _PyRecursiveMutex_Unlock(&locks.recursive);
    _PyRecursiveMutex_Unlock(&locks.recursive);
    _PySeqLock_LockWrite(&locks.seq);
    _PySeqLock_UnlockWrite(&locks.seq);
    (void)_PySeqLock_EndRead(&locks.seq, _PySeqLock_BeginRead(&locks.seq));
    (void)_PyOnceFlag_CallOnce(&locks.once[i], succeed, NULL);
    uint32_t expected = 0;
    (void)_PyParkingLot_Park(&locks.word, &expected, 4, 20000, NULL, 1);
    _PyParkingLot_Unpark(&locks.word, ignore, NULL);
    _PyParkingLot_UnparkAll(&locks.word);
    _PySemaphore_Wakeup(&locks.sema);
#if PYCAPI_PY_VERSION >= 315
    (void)_PySemaphore_Wait(&locks.sema, -1);
#else
    (void)_PySemaphore_Wait(&locks.sema, -1, 1);
#endif
    if (mine == 0) {
        _PyEvent_Notify(&locks.events[i]);
    }
    PyEvent_Wait(&locks.events[i]);
}

static void *
use_all(void *arg)
{
    int mine = *(int *)arg;
    in_call = 1; /* from a thread's first call on */
    for (int i = 0; i < ROUNDS; i++) {
        round_of(i, mine);
    }
    in_call = 0;
    return NULL;
}

static void
locks_take_none(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        threads[i] = start(use_all, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        finish(threads[i]);
    }
    CHECK(taken == 0);
}

#ifndef PYCAPI_NO_EMBED
static PyMutex pair[2];
static pycapi_thread *states[THREADS];
static int ran, done;

static int
run(void *arg)
{
    (void)arg;
    ran++;
    return 0;
}

static void *
use_runtime(void *arg)
{
    pycapi_thread *state = states[*(int *)arg];
    in_call = 1;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pycapi_thread_attach(state) == 0);
        Py_BEGIN_CRITICAL_SECTION_MUTEX(&pair[0]);
        sched_yield();
        Py_BEGIN_CRITICAL_SECTION2_MUTEX(&pair[1], &pair[0]); /* may wait, and give up the one outside */
        sched_yield();
        Py_END_CRITICAL_SECTION2();
        Py_END_CRITICAL_SECTION();
        (void)Py_AddPendingCall(run, NULL);
        CHECK(pycapi_thread_poll(state) == 0);
        pycapi_thread_detach(state);
    }
    in_call = 0;
    __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void
runtime_takes_none(int gil)
{
    pycapi_thread *main_thread = pycapi_runtime_start(gil);
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        states[i] = pycapi_thread_new();
        numbers[i] = i;
        threads[i] = start(use_runtime, &numbers[i]);
    }
    in_call = 1;
    CHECK(pycapi_thread_attach(main_thread) == 0);
    while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < THREADS) {
        CHECK(pycapi_thread_poll(main_thread) == 0);
        sched_yield();
    }
    CHECK(pycapi_thread_poll(main_thread) == 0 && ran > 0);
    pycapi_thread_detach(main_thread);
    in_call = 0;
    for (int i = 0; i < THREADS; i++) {
        finish(threads[i]);
    }
    CHECK(taken == 0);
}

static void free_threaded_takes_none(void) { runtime_takes_none(0); }
static void with_gil_takes_none(void) { runtime_takes_none(1); }
#endif

static void
it_counts(void)
{
    in_call = 1;
    void *volatile some = malloc(1);
    in_call = 0;
    free(some);
    CHECK(taken == 1);
}

static const scenario scenarios[] = {
    {"locks_take_none", locks_take_none},
    {"it_counts", it_counts},
#ifndef PYCAPI_NO_EMBED
    {"free_threaded_takes_none", free_threaded_takes_none},
    {"with_gil_takes_none", with_gil_takes_none},
#endif
};

int
main(int argc, char **argv)
{
    return RUN_NAMED(scenarios);
}
