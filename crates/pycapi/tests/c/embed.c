/* Critical sections, a runtime, pending calls and the breaker, from C. */
#include "check.h"

static void
sections(void)
{
    PyMutex a = {0}, b = {0};
    Py_BEGIN_CRITICAL_SECTION_MUTEX(&a);
    CHECK(a._bits == 1);
    Py_BEGIN_CRITICAL_SECTION_MUTEX(&a); /* the same again locks nothing */
    CHECK(a._bits == 1);
    Py_END_CRITICAL_SECTION();
    CHECK(a._bits == 1);
    Py_END_CRITICAL_SECTION();
    CHECK(a._bits == 0);
    Py_BEGIN_CRITICAL_SECTION2_MUTEX(&b, &a);
    CHECK(a._bits == 1 && b._bits == 1);
    Py_END_CRITICAL_SECTION2();
    Py_BEGIN_CRITICAL_SECTION2_MUTEX(&a, &a);
    CHECK(a._bits == 1);
    Py_END_CRITICAL_SECTION2();
    CHECK(a._bits == 0 && b._bits == 0);
}

typedef struct {
    PyMutex a, b;
    long counter;
} shared;

static void *
use_sections(void *arg)
{
    shared *data = (shared *)arg;
    pycapi_thread *thread = pycapi_thread_new();
    CHECK(thread != NULL && pycapi_thread_attach(thread) == 0);
    for (int i = 0; i < 2000; i++) {
        Py_BEGIN_CRITICAL_SECTION_MUTEX(&data->a);
        data->counter++;
        Py_END_CRITICAL_SECTION();
        Py_BEGIN_CRITICAL_SECTION2_MUTEX(&data->b, &data->a);
        data->counter++;
        Py_END_CRITICAL_SECTION2();
        CHECK(pycapi_thread_poll(thread) == 0);
    }
    pycapi_thread_detach(thread);
    pycapi_thread_free(thread);
    return NULL;
}

static void
sections_of_threads(int gil)
{
    pycapi_thread *main_thread = pycapi_runtime_start(gil);
    CHECK(main_thread != NULL && pycapi_runtime_start(gil) == NULL);
    shared data = {{0}, {0}, 0};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        threads[i] = start(use_sections, &data);
    }
    for (int i = 0; i < 4; i++) {
        finish(threads[i]);
    }
    CHECK(data.counter == 4 * 2 * 2000 && data.a._bits == 0 && data.b._bits == 0);
    pycapi_thread_free(main_thread);
}

static void sections_free_threaded(void) { sections_of_threads(0); }
static void sections_with_gil(void) { sections_of_threads(1); }

static int
append(void *arg)
{
    long *digits = (long *)arg;
    *digits = *digits * 10 + *digits % 10 + 1;
    return *digits % 10 == 3 ? -1 : 0;
}

static void *
add_calls(void *arg)
{
    for (int i = 0; i < 4; i++) {
        CHECK(Py_AddPendingCall(append, arg) == 0);
    }
    return NULL;
}

static void
pending_calls(void)
{
    long digits = 0;
    CHECK(Py_AddPendingCall(append, &digits) == -1); /* no runtime yet */
    CHECK(Py_MakePendingCalls() == 0);
    pycapi_thread *thread = pycapi_runtime_start(1);
    finish(start(add_calls, &digits));
    CHECK(pycapi_thread_breaker(thread) == NULL);
    CHECK(pycapi_thread_attach(thread) == 0 && pycapi_thread_attach(thread) == -1);
    uintptr_t *breaker = pycapi_thread_breaker(thread);
    CHECK(pycapi_breaker_is_tripped(breaker));
    CHECK(Py_MakePendingCalls() == -1 && digits == 123); /* the third call fails, the fourth stays */
    CHECK(pycapi_breaker_is_tripped(breaker));
    CHECK(pycapi_thread_poll(thread) == 0 && digits == 1234);
    CHECK(!pycapi_breaker_is_tripped(breaker) && pycapi_thread_poll(thread) == 0);
    int room = 0;
    while (Py_AddPendingCall(append, &digits) == 0) {
        room++;
    }
    CHECK(room == 32);
    pycapi_thread_detach(thread);
    pycapi_thread_free(thread);
}

static void
breaker_bits(void)
{
    pycapi_thread *thread = pycapi_runtime_start(0);
    CHECK(pycapi_thread_attach(thread) == 0);
    uintptr_t *breaker = pycapi_thread_breaker(thread);
    CHECK(!pycapi_breaker_is_tripped(breaker));
    pycapi_breaker_set(breaker, _PY_GC_SCHEDULED_BIT | _PY_EVAL_EXPLICIT_MERGE_BIT);
    CHECK(pycapi_breaker_is_tripped(breaker));
    pycapi_breaker_unset(breaker, _PY_EVAL_EXPLICIT_MERGE_BIT);
    CHECK((*breaker & _PY_EVAL_EVENTS_MASK) == _PY_GC_SCHEDULED_BIT);
    CHECK(pycapi_thread_poll(thread) == 0 && !pycapi_breaker_is_tripped(breaker));
    pycapi_thread_free(thread); /* detaches */
}

typedef struct {
    pycapi_thread *thread;
    int runs, polled, attached;
    uintptr_t *breaker;
} nested;

static int
come_back(void *arg)
{
    nested *data = (nested *)arg;
    data->runs++;
    data->polled = pycapi_thread_poll(data->thread);
    data->attached = pycapi_thread_attach(data->thread);
    data->breaker = pycapi_thread_breaker(data->thread);
    PyMutex m = {0};
    PyMutex_Lock(&m);
    CHECK(_PyMutex_LockTimed(&m, MILLISECOND, _PY_LOCK_DETACH) == PY_LOCK_FAILURE); /* sleeps detached */
    PyMutex_Unlock(&m);
    return 0;
}

static void
calls_come_back(void)
{
    nested data = {pycapi_runtime_start(1), 0, -2, -2, NULL};
    CHECK(pycapi_thread_attach(data.thread) == 0);
    CHECK(Py_AddPendingCall(come_back, &data) == 0 && Py_AddPendingCall(come_back, &data) == 0);
    CHECK(pycapi_thread_poll(data.thread) == 0);
    CHECK(data.runs == 2 && data.polled == 0 && data.attached == -1);
    CHECK(data.breaker == pycapi_thread_breaker(data.thread));
    pycapi_thread_free(data.thread);
}

#ifdef FORKS
static void *
hold_gil(void *arg)
{
    pycapi_thread *thread = pycapi_thread_new();
    while (!_PyEvent_IsSet((PyEvent *)arg)) {
        CHECK(pycapi_thread_attach(thread) == 0);
        CHECK(pycapi_thread_poll(thread) == 0);
        pycapi_thread_detach(thread);
    }
    pycapi_thread_free(thread);
    return NULL;
}

static void
fork_with(int gil)
{
    pycapi_thread *thread = pycapi_runtime_start(gil);
    PyEvent over = {0};
    pthread_t other = start(hold_gil, &over);
    for (int i = 0; i < 20; i++) {
        CHECK(pycapi_thread_attach(thread) == 0);
        int pid = pycapi_thread_fork(thread, fork);
        if (pid == 0) {
            long digits = 0;
            CHECK(Py_AddPendingCall(append, &digits) == 0);
            CHECK(pycapi_thread_poll(thread) == 0 && digits == 1);
            pycapi_thread_detach(thread);
            PyEvent none = {0};
            pthread_t grown = start(hold_gil, &none);
            CHECK(pycapi_thread_attach(thread) == 0);
            _PyEvent_Notify(&none);
            pycapi_thread_detach(thread);
            finish(grown);
            _exit(7);
        }
        pycapi_thread_detach(thread);
        int status;
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
    _PyEvent_Notify(&over);
    finish(other);
    pycapi_thread_free(thread);
}

static void fork_free_threaded(void) { fork_with(0); }
static void fork_with_gil(void) { fork_with(1); }
#endif

static const scenario scenarios[] = {
    {"sections", sections},
    {"sections_free_threaded", sections_free_threaded},
    {"sections_with_gil", sections_with_gil},
    {"pending_calls", pending_calls},
    {"breaker_bits", breaker_bits},
    {"calls_come_back", calls_come_back},
#ifdef FORKS
    {"fork_free_threaded", fork_free_threaded},
    {"fork_with_gil", fork_with_gil},
#endif
};

int
main(int argc, char **argv)
{
    return RUN_NAMED(scenarios);
}
