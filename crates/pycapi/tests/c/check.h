/* What the C programs of the tests share: a check that names its line, threads, a wait for a condition. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#ifndef _WIN32
#  include <sys/wait.h>
#endif
#include <time.h>
#include <unistd.h>

#include "pycapi.h"

/* A child that AddressSanitizer watches cannot allocate if another thread of its parent did: the sanitizer's own lock stays
 * taken. */
#if !defined(_WIN32) && !defined(WATCHED)
#  define FORKS
#endif

#define MILLISECOND ((PyTime_t)1000 * 1000)

#define CHECK(holds)                                                            \
    do {                                                                        \
        if (!(holds)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #holds); \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

/* Waits for something that another thread is sure to do. */
#define UNTIL(holds)       \
    do {                   \
        while (!(holds)) { \
            sched_yield(); \
        }                  \
    } while (0)

typedef struct {
    const char *name;
    void (*run)(void);
} scenario;

static inline pthread_t
start(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, arg) == 0);
    return thread;
}

static inline void
finish(pthread_t thread)
{
    CHECK(pthread_join(thread, NULL) == 0);
}

static inline PyTime_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (PyTime_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Runs the scenario that the command line names. */
static inline int
run_named(const scenario *scenarios, size_t count, int argc, char **argv)
{
    for (size_t i = 0; i < count; i++) {
        if (argc == 2 && strcmp(argv[1], scenarios[i].name) == 0) {
            scenarios[i].run();
            printf("%s: ok\n", scenarios[i].name);
            return 0;
        }
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < count; i++) {
            printf("%s\n", scenarios[i].name);
        }
        return 0;
    }
    fprintf(stderr, "which scenario?\n");
    return 2;
}

#define RUN_NAMED(scenarios) \
    run_named(scenarios, sizeof(scenarios) / sizeof((scenarios)[0]), argc, argv)

#endif
