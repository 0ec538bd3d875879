/* What is to come out of a function for C and may not: a thread of a runtime that has ended. */
#include "check.h"

typedef struct {
    PyMutex m;
    pycapi_thread *thread;
    int back;
} late_data;

static void *
lock_late(void *arg)
{
    late_data *data = (late_data *)arg;
    CHECK(pycapi_thread_attach(data->thread) == 0);
    PyMutex_Lock(&data->m); /* its runtime ends meanwhile */
    __atomic_store_n(&data->back, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static late_data late;

static void
late_thread(void)
{
    pycapi_thread *main_thread = pycapi_runtime_start(0);
    late.thread = pycapi_thread_new();
    PyMutex_Lock(&late.m);
    (void)start(lock_late, &late);
    UNTIL(pycapi_load_u8(&late.m._bits) == 3);
    CHECK(pycapi_thread_attach(main_thread) == 0);
    CHECK(pycapi_runtime_finalise(main_thread) == 0);
    pycapi_thread_detach(main_thread);
    PyMutex_Unlock(&late.m);
    /* The late thread is woken, is refused, and has passed on what it was given before it sleeps for ever. */
    for (int i = 0; i < 20; i++) {
        PyMutex_Lock(&late.m);
        usleep(1000);
        PyMutex_Unlock(&late.m);
    }
    CHECK(late.m._bits == 0 && !__atomic_load_n(&late.back, __ATOMIC_SEQ_CST));
}

static const scenario scenarios[] = {
    {"late_thread", late_thread},
};

int
main(int argc, char **argv)
{
    return RUN_NAMED(scenarios);
}
