/* Every name of the library at work, as C and as C++. The lock scenarios are upstream's (Modules/_testinternalcapi/test_lock.c),
 * by their names. */
#include "check.h"

/* ---- PyMutex */

#if PYCAPI_PY_VERSION >= 314
#  define TAKE(m) PyMutex_LockFast(m)
#else
#  define TAKE(m) PyMutex_LockFast(&(m)->_bits)
#endif

static void
lock_basic(void)
{
    PyMutex m = {0};
    PyMutex_Lock(&m);
    CHECK(m._bits == 1 && PyMutex_IsLocked(&m));
    CHECK(!TAKE(&m));
    PyMutex_Unlock(&m);
    CHECK(m._bits == 0 && !PyMutex_IsLocked(&m));

    CHECK(TAKE(&m));
    CHECK(_PyMutex_TryUnlock(&m) == 0);
    CHECK(_PyMutex_TryUnlock(&m) == -1);

    PyMutex_LockFlags(&m, _Py_LOCK_DONT_DETACH);
    CHECK(m._bits == 1);
    _PyMutex_at_fork_reinit(&m);
    CHECK(m._bits == 0);
#if PYCAPI_PY_VERSION >= 315
    _Py_yield();
#endif
}

typedef struct {
    PyMutex m;
    PyEvent done;
} two_threads;

static void *
lock_and_unlock(void *arg)
{
    two_threads *data = (two_threads *)arg;
    PyMutex_Lock(&data->m);
    CHECK(data->m._bits == 1);
    PyMutex_Unlock(&data->m);
    CHECK(data->m._bits == 0);
    _PyEvent_Notify(&data->done);
    return NULL;
}

static void
lock_two_threads(void)
{
    two_threads data = {{0}, {0}};
    PyMutex_Lock(&data.m);
    pthread_t thread = start(lock_and_unlock, &data);
    UNTIL(pycapi_load_u8(&data.m._bits) == 3);
    PyMutex_Unlock(&data.m);
    PyEvent_Wait(&data.done);
    CHECK(data.m._bits == 0);
    finish(thread);
}

enum { COUNTERS = 5, ROUNDS = 5000, SLOW_ROUNDS = 40 };

typedef struct {
    PyMutex m;
    long counter;
    int slow;
} counting;

static void *
count(void *arg)
{
    counting *data = (counting *)arg;
    for (int i = 0; i < (data->slow ? SLOW_ROUNDS : ROUNDS); i++) {
        PyMutex_Lock(&data->m);
        if (data->slow && i % 7 == 0) {
            usleep(2000); /* long enough for a hand-over */
        }
        data->counter++;
        PyMutex_Unlock(&data->m);
    }
    return NULL;
}

static void
count_with(int slow, long expected)
{
    counting data = {{0}, 0, slow};
    pthread_t threads[COUNTERS];
    for (int i = 0; i < COUNTERS; i++) {
        threads[i] = start(count, &data);
    }
    for (int i = 0; i < COUNTERS; i++) {
        finish(threads[i]);
    }
    CHECK(data.counter == expected && data.m._bits == 0);
}

static void
lock_counter(void)
{
    count_with(0, (long)COUNTERS * ROUNDS);
}

static void
lock_counter_slow(void)
{
    count_with(1, (long)COUNTERS * SLOW_ROUNDS);
}

static void
lock_timed(void)
{
    PyMutex m = {0};
    CHECK(_PyMutex_LockTimed(&m, 0, _PY_LOCK_DETACH) == PY_LOCK_ACQUIRED);
    CHECK(_PyMutex_LockTimed(&m, 0, _PY_LOCK_DETACH) == PY_LOCK_FAILURE);
    PyTime_t before = now_ns();
    CHECK(_PyMutex_LockTimed(&m, 3 * MILLISECOND, _Py_LOCK_DONT_DETACH) == PY_LOCK_FAILURE);
    CHECK(now_ns() - before >= 3 * MILLISECOND);
    CHECK(m._bits == 1); /* who gives up leaves no bit behind */
    PyMutex_Unlock(&m);
    CHECK(_PyMutex_LockTimed(&m, -1, _PY_LOCK_DETACH) == PY_LOCK_ACQUIRED);
    PyMutex_Unlock(&m);
}

/* ---- _PyRawMutex */

typedef struct {
    _PyRawMutex m;
    long counter;
} raw_counting;

static void *
count_raw(void *arg)
{
    raw_counting *data = (raw_counting *)arg;
    for (int i = 0; i < ROUNDS; i++) {
        _PyRawMutex_Lock(&data->m);
        data->counter++;
        _PyRawMutex_Unlock(&data->m);
    }
    return NULL;
}

static void
raw_mutex(void)
{
    raw_counting data = {{0}, 0};
    _PyRawMutex_LockSlow(&data.m);
    CHECK(data.m.v == 1);
    _PyRawMutex_UnlockSlow(&data.m);
    CHECK(data.m.v == 0);
    pthread_t threads[COUNTERS];
    for (int i = 0; i < COUNTERS; i++) {
        threads[i] = start(count_raw, &data);
    }
    for (int i = 0; i < COUNTERS; i++) {
        finish(threads[i]);
    }
    CHECK(data.counter == (long)COUNTERS * ROUNDS && data.m.v == 0);
}

/* ---- PyEvent */

static void *
wait_for_event(void *arg)
{
    PyEvent_Wait((PyEvent *)arg);
    return NULL;
}

static void
event(void)
{
    PyEvent evt = {0};
    CHECK(!_PyEvent_IsSet(&evt));
    CHECK(PyEvent_WaitTimed(&evt, 0, 1) == 0);
    CHECK(PyEvent_WaitTimed(&evt, MILLISECOND, 0) == 0);
    CHECK(evt.v == 0);
    pthread_t threads[COUNTERS];
    for (int i = 0; i < COUNTERS; i++) {
        threads[i] = start(wait_for_event, &evt);
    }
    UNTIL(pycapi_load_u8(&evt.v) == _Py_HAS_PARKED);
    _PyEvent_Notify(&evt);
    for (int i = 0; i < COUNTERS; i++) {
        finish(threads[i]);
    }
    _PyEvent_Notify(&evt);
    CHECK(_PyEvent_IsSet(&evt) && evt.v == _Py_LOCKED);
    CHECK(PyEvent_WaitTimed(&evt, 0, 1) == 1 && PyEvent_WaitTimed(&evt, -1, 1) == 1);
}

/* ---- _PyOnceFlag */

static int
fail_four_times(void *arg)
{
    return ++*(int *)arg < 5 ? -1 : 0;
}

static void
lock_once(void)
{
    _PyOnceFlag once = {0};
    int runs = 0;
    for (int i = 0; i < 10; i++) {
        int result = _PyOnceFlag_CallOnce(&once, fail_four_times, &runs);
        CHECK(result == (i < 4 ? -1 : 0));
    }
    CHECK(runs == 5 && once.v == _Py_ONCE_INITIALIZED);
    CHECK(_PyOnceFlag_CallOnceSlow(&once, fail_four_times, &runs) == 0 && runs == 5);
}

typedef struct {
    _PyOnceFlag once;
    PyEvent waited;
    int runs;
} once_data;

static int
run_until_waited_for(void *arg)
{
    once_data *data = (once_data *)arg;
    data->runs++;
    UNTIL(pycapi_load_u8(&data->once.v) == (_Py_LOCKED | _Py_HAS_PARKED));
    return 0;
}

static void *
call_once(void *arg)
{
    once_data *data = (once_data *)arg;
    CHECK(_PyOnceFlag_CallOnce(&data->once, run_until_waited_for, data) == 0);
    return NULL;
}

static void
once_threads(void)
{
    once_data data = {{0}, {0}, 0};
    pthread_t one = start(call_once, &data), two = start(call_once, &data);
    finish(one);
    finish(two);
    CHECK(data.runs == 1 && data.once.v == _Py_ONCE_INITIALIZED);
}

/* ---- _PyRecursiveMutex */

static void *
is_not_mine(void *arg)
{
    _PyRecursiveMutex *m = (_PyRecursiveMutex *)arg;
    CHECK(!_PyRecursiveMutex_IsLockedByCurrentThread(m));
#if PYCAPI_PY_VERSION >= 314
    CHECK(_PyRecursiveMutex_TryUnlock(m) == -1);
    CHECK(_PyRecursiveMutex_LockTimed(m, 0, _PY_LOCK_DETACH) == PY_LOCK_FAILURE);
    CHECK(_PyRecursiveMutex_LockTimed(m, MILLISECOND, _PY_LOCK_DETACH) == PY_LOCK_FAILURE);
#endif
    return NULL;
}

static void
lock_recursive(void)
{
    _PyRecursiveMutex m = {{0}, 0, 0};
    CHECK(!_PyRecursiveMutex_IsLockedByCurrentThread(&m));
    _PyRecursiveMutex_Lock(&m);
    CHECK(m.thread != 0 && m.level == 0 && _PyRecursiveMutex_IsLockedByCurrentThread(&m));
    _PyRecursiveMutex_Lock(&m);
    CHECK(m.level == 1);
    finish(start(is_not_mine, &m));
    _PyRecursiveMutex_Unlock(&m);
    CHECK(m.level == 0);
#if PYCAPI_PY_VERSION >= 314
    CHECK(_PyRecursiveMutex_LockTimed(&m, 0, _PY_LOCK_DETACH) == PY_LOCK_ACQUIRED && m.level == 1);
    CHECK(_PyRecursiveMutex_TryUnlock(&m) == 0);
#endif
    _PyRecursiveMutex_Unlock(&m);
    CHECK(m.thread == 0 && m.mutex._bits == 0);
#if PYCAPI_PY_VERSION >= 314
    CHECK(_PyRecursiveMutex_TryUnlock(&m) == -1);
    CHECK(_PyRecursiveMutex_LockTimed(&m, -1, _PY_LOCK_DETACH) == PY_LOCK_ACQUIRED);
    CHECK(_PyRecursiveMutex_TryUnlock(&m) == 0);
#endif
}

/* ---- _PyRWMutex */

typedef struct {
    _PyRWMutex rw;
    PyEvent step1, again, step2, step3;
    int inside;
} rw_data;

static void *
read_twice(void *arg)
{
    rw_data *data = (rw_data *)arg;
    _PyRWMutex_RLock(&data->rw);
    PyEvent_Wait(&data->step1);
    _PyRWMutex_RUnlock(&data->rw);
    PyEvent_Wait(&data->again);
    _PyRWMutex_RLock(&data->rw);
    PyEvent_Wait(&data->step3);
    _PyRWMutex_RUnlock(&data->rw);
    return NULL;
}

static void *
write_once(void *arg)
{
    rw_data *data = (rw_data *)arg;
    _PyRWMutex_Lock(&data->rw);
    PyEvent_Wait(&data->step2);
    _PyRWMutex_Unlock(&data->rw);
    return NULL;
}

#define RW_BITS(data) __atomic_load_n(&(data).rw.bits, __ATOMIC_ACQUIRE)

static void
lock_rwlock(void)
{
    rw_data data;
    memset(&data, 0, sizeof(data));
    pthread_t readers[2] = {start(read_twice, &data), start(read_twice, &data)};
    UNTIL(RW_BITS(data) == 8); /* two readers */
    pthread_t writer = start(write_once, &data);
    UNTIL(RW_BITS(data) == 10); /* and a writer that waits */
    _PyEvent_Notify(&data.step1);
    /* Only then the readers again: the writer says that it waits before it is queued, and could come too late. */
    UNTIL(RW_BITS(data) == 1);
    _PyEvent_Notify(&data.again);
    UNTIL(RW_BITS(data) == 3); /* the writer, and readers that wait */
    _PyEvent_Notify(&data.step2);
    UNTIL(RW_BITS(data) == 8);
    _PyEvent_Notify(&data.step3);
    finish(readers[0]);
    finish(readers[1]);
    finish(writer);
    CHECK(data.rw.bits == 0);
}

/* ---- _PySeqLock */

static void
seq_lock(void)
{
    _PySeqLock lock = {0};
    uint32_t begun = _PySeqLock_BeginRead(&lock);
    CHECK(begun == 0 && _PySeqLock_EndRead(&lock, begun) == 1);
    _PySeqLock_LockWrite(&lock);
    CHECK(lock.sequence == 1);
    _PySeqLock_AbandonWrite(&lock);
    CHECK(lock.sequence == 0 && _PySeqLock_EndRead(&lock, begun) == 1);
    _PySeqLock_LockWrite(&lock);
    _PySeqLock_UnlockWrite(&lock);
    CHECK(lock.sequence == 2 && _PySeqLock_EndRead(&lock, begun) == 0);
    CHECK(_PySeqLock_AfterFork(&lock) == 0);
    _PySeqLock_LockWrite(&lock);
    CHECK(_PySeqLock_AfterFork(&lock) == 1 && lock.sequence % 2 == 0);
}

/* ---- the parking lot */

typedef struct {
    union {
        uint8_t one;
        uint16_t two;
        uint32_t four;
        uint64_t eight;
    } word;
    size_t size;
    int arg;
    int status;
} sleeper;

static void *
park(void *arg)
{
    sleeper *self = (sleeper *)arg;
    uint64_t expected = 0;
    int status = _PyParkingLot_Park(&self->word, &expected, self->size, -1, &self->arg, 1);
    __atomic_store_n(&self->status, status, __ATOMIC_RELAXED); /* a crowd has one */
    return NULL;
}

typedef struct {
    void *park_arg;
    int calls, more;
    uint8_t *word;
} unparked;

static void
note_unpark(void *arg, void *park_arg, int has_more_waiters)
{
    unparked *note = (unparked *)arg;
    note->calls++;
    note->park_arg = park_arg;
    note->more = has_more_waiters;
}

static void
parking_lot(void)
{
    const size_t sizes[] = {1, 2, 4, 8};
    for (size_t i = 0; i < 4; i++) {
        sleeper one;
        memset(&one, 0, sizeof(one));
        one.size = sizes[i];
        pthread_t thread = start(park, &one);
        unparked note = {NULL, 0, 0, NULL};
        do {
            sched_yield();
            _PyParkingLot_Unpark(&one.word, note_unpark, &note);
        } while (note.park_arg == NULL); /* called also when nobody waits */
        CHECK(note.calls > 0 && note.park_arg == &one.arg && !note.more);
        finish(thread);
        CHECK(one.status == Py_PARK_OK);
        uint64_t other = 1;
        CHECK(_PyParkingLot_Park(&one.word, &other, sizes[i], -1, NULL, 1) == Py_PARK_AGAIN);
        uint64_t same = 0;
        CHECK(_PyParkingLot_Park(&one.word, &same, sizes[i], 0, NULL, 1) == Py_PARK_TIMEOUT);
        CHECK(_PyParkingLot_Park(&one.word, &same, sizes[i], MILLISECOND, NULL, 0) == Py_PARK_TIMEOUT);
    }
    sleeper crowd;
    memset(&crowd, 0, sizeof(crowd));
    crowd.size = 4;
    pthread_t threads[COUNTERS];
    for (int i = 0; i < COUNTERS; i++) {
        threads[i] = start(park, &crowd);
    }
    __atomic_store_n(&crowd.word.four, 1, __ATOMIC_SEQ_CST); /* who is late does not sleep */
    _PyParkingLot_UnparkAll(&crowd.word);
    for (int i = 0; i < COUNTERS; i++) {
        finish(threads[i]);
    }
}

#if PYCAPI_PY_VERSION >= 315
#  define WAIT(sema, timeout) _PySemaphore_Wait(sema, timeout)
#else
#  define WAIT(sema, timeout) _PySemaphore_Wait(sema, timeout, 1)
#endif

/* ---- signals, which the portable sleeper does not see: a condition variable does not tell that a handler ran. Windows
 * has none. */

#if !defined(PORTABLE_SLEEPER) && !defined(_WIN32)
#  define SIGNALS
#endif
#ifdef SIGNALS
static void
nothing(int signal)
{
    (void)signal;
}

typedef struct {
    pthread_t target;
    int over;
} pest;

static void *
pester(void *arg)
{
    pest *data = (pest *)arg;
    while (!__atomic_load_n(&data->over, __ATOMIC_ACQUIRE)) {
        pthread_kill(data->target, SIGUSR1);
        usleep(1000);
    }
    return NULL;
}

static void
signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = nothing;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pest data = {pthread_self(), 0};
    pthread_t thread = start(pester, &data);
    uint8_t word = 0, expected = 0;
    CHECK(_PyParkingLot_Park(&word, &expected, 1, -1, NULL, 1) == Py_PARK_INTR);
    PyEvent evt = {0};
    CHECK(PyEvent_WaitTimed(&evt, -1, 1) == 0);
    _PySemaphore sema;
    _PySemaphore_Init(&sema);
    CHECK(WAIT(&sema, -1) == Py_PARK_INTR);
    PyMutex m = {0};
    PyMutex_Lock(&m);
#if PYCAPI_PY_VERSION >= 315
    CHECK(_PyMutex_LockTimed(&m, -1, _PY_FAIL_IF_INTERRUPTED) == PY_LOCK_INTR);
#endif
    /* handled, and the wait goes on */
    CHECK(_PyMutex_LockTimed(&m, 5 * MILLISECOND, _PY_LOCK_HANDLE_SIGNALS) == PY_LOCK_FAILURE);
    __atomic_store_n(&data.over, 1, __ATOMIC_RELEASE);
    finish(thread);
}
#endif

/* ---- _PySemaphore */

static void *
wake_often(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        _PySemaphore_Wakeup((_PySemaphore *)arg);
    }
    return NULL;
}

static void
semaphore(void)
{
    _PySemaphore sema;
    memset(&sema, 0xff, sizeof(sema));
    _PySemaphore_Init(&sema);
    CHECK(WAIT(&sema, 0) == Py_PARK_TIMEOUT);
    CHECK(WAIT(&sema, MILLISECOND) == Py_PARK_TIMEOUT);
    _PySemaphore_Wakeup(&sema); /* a wake before the wait */
    CHECK(WAIT(&sema, -1) == Py_PARK_OK);
    pthread_t threads[2] = {start(wake_often, &sema), start(wake_often, &sema)};
    for (int i = 0; i < 2 * ROUNDS; i++) {
        CHECK(WAIT(&sema, -1) == Py_PARK_OK);
    }
    CHECK(WAIT(&sema, 0) == Py_PARK_TIMEOUT);
    finish(threads[0]);
    finish(threads[1]);
    _PySemaphore_Destroy(&sema);
}

/* ---- fork */

#ifdef FORKS
typedef struct {
    PyMutex held, awaited;
    PyEvent holding;
} fork_data;

static void *
hold_for_ever(void *arg)
{
    fork_data *data = (fork_data *)arg;
    PyMutex_Lock(&data->held);
    _PyEvent_Notify(&data->holding);
    PyMutex_Lock(&data->awaited);
    PyMutex_Unlock(&data->awaited);
    PyMutex_Unlock(&data->held);
    return NULL;
}

static void
child(fork_data *data)
{
    _PyParkingLot_AfterFork();
    _PyMutex_at_fork_reinit(&data->held);
    _PyMutex_at_fork_reinit(&data->awaited);
    PyMutex_Lock(&data->held);
    PyMutex_Lock(&data->awaited);
    PyMutex_Unlock(&data->awaited);
    CHECK(_PyMutex_LockTimed(&data->held, MILLISECOND, _PY_LOCK_DETACH) == PY_LOCK_FAILURE);
    PyMutex_Unlock(&data->held);
    lock_two_threads();
    _exit(7);
}

static void
forked(void)
{
    fork_data data = {{0}, {0}, {0}};
    PyMutex_Lock(&data.awaited);
    pthread_t thread = start(hold_for_ever, &data);
    PyEvent_Wait(&data.holding);
    UNTIL(pycapi_load_u8(&data.awaited._bits) == 3);
    pid_t pid = fork();
    if (pid == 0) {
        child(&data);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    PyMutex_Unlock(&data.awaited);
    finish(thread);
}
#endif

/* ---- a thread that ends, and a process: locks work in the last destructor and after main. The portable sleeper loses a few
 * bytes to a thread that sleeps so late, as it says; a leak checker is not asked. */

#if !defined(WATCHED) || !defined(PORTABLE_SLEEPER)
#  define ENDS
typedef struct {
    PyMutex m;
    PyEvent going;
    int rounds;
    pthread_key_t key;
} ending;

static void
at_end(void *arg)
{
    ending *data = (ending *)arg;
    PyMutex_Lock(&data->m); /* held: this sleeps, after the library's own thread-local data is gone */
    PyMutex_Unlock(&data->m);
    _PySemaphore sema;
    _PySemaphore_Init(&sema);
    CHECK(WAIT(&sema, MILLISECOND) == Py_PARK_TIMEOUT);
    if (++data->rounds < 3) {
        CHECK(pthread_setspecific(data->key, data) == 0); /* once more, later */
    }
}

static void *
end_late(void *arg)
{
    ending *data = (ending *)arg;
    PyMutex m = {0};
    PyMutex_Lock(&m);
    CHECK(_PyMutex_LockTimed(&m, MILLISECOND, _PY_LOCK_DETACH) == PY_LOCK_FAILURE);
    CHECK(pthread_setspecific(data->key, data) == 0);
    _PyEvent_Notify(&data->going);
    return NULL;
}

static ending last;

static void
after_main(void)
{
    last.rounds = 3;
    at_end(&last);
    puts("after main");
}

static void
ends(void)
{
    CHECK(pthread_key_create(&last.key, at_end) == 0);
    PyMutex_Lock(&last.m);
    pthread_t thread = start(end_late, &last);
    PyEvent_Wait(&last.going);
    UNTIL(pycapi_load_u8(&last.m._bits) == 3);
    PyMutex_Unlock(&last.m);
    finish(thread);
    CHECK(last.rounds == 3 && last.m._bits == 0);
    CHECK(atexit(after_main) == 0);
}
#endif

/* ---- hooks of a C program */

static __thread int attached;
static __thread int detaches;

static void *
detach_hook(void)
{
    if (!attached) {
        return NULL;
    }
    attached = 0;
    detaches++;
    return &attached;
}

static void
attach_hook(void *state)
{
    CHECK(state == &attached && !attached);
    attached = 1;
}

static int pending_runs;

static int
pending_hook(void)
{
    return __atomic_add_fetch(&pending_runs, 1, __ATOMIC_SEQ_CST) < 3 ? 0 : -1;
}

static const pycapi_hooks hooks = {detach_hook, attach_hook, pending_hook, NULL};

static void
installed_hooks(void)
{
    CHECK(pycapi_install_hooks(&hooks) == 0);
    CHECK(pycapi_install_hooks(&hooks) == -1);
    PyMutex m = {0};
    PyMutex_Lock(&m);
    attached = 1;
    CHECK(_PyMutex_LockTimed(&m, MILLISECOND, _Py_LOCK_DONT_DETACH) == PY_LOCK_FAILURE);
    CHECK(detaches == 0);
    do { /* a time that is up before the sleep needs no detaching */
        CHECK(_PyMutex_LockTimed(&m, MILLISECOND, _PY_LOCK_DETACH) == PY_LOCK_FAILURE && attached);
    } while (detaches == 0);
    PyEvent evt = {0};
    detaches = 0;
    do {
        CHECK(PyEvent_WaitTimed(&evt, MILLISECOND, 1) == 0 && attached);
    } while (detaches == 0);

#ifdef SIGNALS
    /* two handlers that succeed, and one that does not */
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = nothing;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pest data = {pthread_self(), 0};
    pthread_t thread = start(pester, &data);
    CHECK(_PyMutex_LockTimed(&m, -1, (_PyLockFlags)(_PY_LOCK_DETACH | _PY_LOCK_HANDLE_SIGNALS)) == PY_LOCK_INTR);
    CHECK(pending_runs == 3 && attached);
    __atomic_store_n(&data.over, 1, __ATOMIC_RELEASE);
    finish(thread);
#endif
}

/* ---- the functions behind the inline halves of PyMutex */

#undef PyMutex_Lock
#undef PyMutex_Unlock
#undef PyMutex_IsLocked

static void
lock_functions(void)
{
    PyMutex m = {0};
    PyMutex_Lock(&m);
    CHECK(m._bits == 1);
#if PYCAPI_PY_VERSION >= 314
    CHECK(PyMutex_IsLocked(&m) == 1);
#endif
    PyMutex_Unlock(&m);
    CHECK(m._bits == 0);
#if PYCAPI_PY_VERSION >= 314
    CHECK(PyMutex_IsLocked(&m) == 0);
#endif
}

static const scenario scenarios[] = {
    {"lock_basic", lock_basic},
    {"lock_functions", lock_functions},
    {"lock_two_threads", lock_two_threads},
    {"lock_counter", lock_counter},
    {"lock_counter_slow", lock_counter_slow},
    {"lock_timed", lock_timed},
    {"lock_once", lock_once},
    {"once_threads", once_threads},
    {"lock_rwlock", lock_rwlock},
    {"lock_recursive", lock_recursive},
    {"raw_mutex", raw_mutex},
    {"event", event},
    {"seq_lock", seq_lock},
    {"parking_lot", parking_lot},
#ifdef SIGNALS
    {"signals", signals},
#endif
    {"semaphore", semaphore},
#ifdef FORKS
    {"forked", forked},
#endif
#ifdef ENDS
    {"ends", ends},
#endif
    {"installed_hooks", installed_hooks},
};

int
main(int argc, char **argv)
{
    return RUN_NAMED(scenarios);
}
