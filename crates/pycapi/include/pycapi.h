/* CPython's lock layer under its own names, for C11 and C++11: what libpycapi.a and libpycapi.so export.
 *
 * Define PYCAPI_PY_VERSION as 313, 314 (the default) or 315 to match the cargo feature that the library was built with
 * (py313, py314, py315), and PYCAPI_NO_EMBED if it was built without the feature embed.
 *
 * Everything here is free when it is all zero: locks can be static, or in memory from calloc.
 *
 * Misuse ends the process with "Fatal Python error: FUNCTION: WHAT" on standard error and SIGABRT: a null or misaligned
 * pointer, an unlock of what is not locked, a size that is none.
 *
 * Times are in nanoseconds; a negative one is for ever, 0 does not wait. Inside CPython its own headers are used, and this
 * one is not.
 */
#ifndef PYCAPI_H
#define PYCAPI_H

#ifdef Py_PYTHON_H
#  error "pycapi.h declares what Python.h declares: inside CPython, and in its extensions, use Python.h"
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(_WIN32)
#  include <intrin.h>
#elif defined(__APPLE__)
#  include <pthread.h>
#else
#  include <semaphore.h>
#endif

#ifndef PYCAPI_PY_VERSION
#  define PYCAPI_PY_VERSION 314
#endif
#if PYCAPI_PY_VERSION != 313 && PYCAPI_PY_VERSION != 314 && PYCAPI_PY_VERSION != 315
#  error "PYCAPI_PY_VERSION is 313, 314 or 315"
#endif

#ifdef __cplusplus
#  define PYCAPI_STATIC_ASSERT(holds, text) static_assert(holds, text)
#  define PYCAPI_ALIGNOF(type) alignof(type)
extern "C" {
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#  define PYCAPI_STATIC_ASSERT(holds, text) _Static_assert(holds, text)
#  define PYCAPI_ALIGNOF(type) _Alignof(type)
#else
/* an older C asserts nothing */
#  define PYCAPI_STATIC_ASSERT(holds, text) extern int pycapi_asserts_nothing
#endif

/* ---- the atomic operations of the inline functions */

#if defined(_MSC_VER) && !defined(__clang__)
static inline int
pycapi_swap_u8(uint8_t *place, uint8_t seen, uint8_t next)
{
    return (uint8_t)_InterlockedCompareExchange8((volatile char *)place, (char)next, (char)seen) == seen;
}
#  define pycapi_take_u8 pycapi_swap_u8
#  define pycapi_free_u8 pycapi_swap_u8
static inline int
pycapi_swap_word(uintptr_t *place, uintptr_t seen, uintptr_t next)
{
    return (uintptr_t)_InterlockedCompareExchangePointer((void *volatile *)place, (void *)next,
                                                         (void *)seen) == seen;
}
#  define pycapi_take_word pycapi_swap_word
#  define pycapi_free_word pycapi_swap_word
static inline uint8_t
pycapi_load_u8(const uint8_t *place)
{
#  if defined(_M_ARM64) || defined(_M_ARM64EC)
    return (uint8_t)__ldar8((unsigned __int8 volatile *)place);
#  else
    uint8_t seen = *(const volatile uint8_t *)place;
    _ReadWriteBarrier();
    return seen;
#  endif
}
static inline uintptr_t
pycapi_peek_word(const uintptr_t *place)
{
    return *(const volatile uintptr_t *)place;
}
#  ifdef _WIN64
#    define PYCAPI_ON_WORD(operation, place, bits) \
        ((void)operation##64((volatile __int64 *)(place), (__int64)(bits)))
#  else
#    define PYCAPI_ON_WORD(operation, place, bits) \
        ((void)operation((volatile long *)(place), (long)(bits)))
#  endif
static inline void
pycapi_set_bits(uintptr_t *place, uintptr_t bits)
{
    PYCAPI_ON_WORD(_InterlockedOr, place, bits);
}
static inline void
pycapi_unset_bits(uintptr_t *place, uintptr_t bits)
{
    PYCAPI_ON_WORD(_InterlockedAnd, place, ~bits);
}
#else
static inline int
pycapi_take_u8(uint8_t *place, uint8_t seen, uint8_t next)
{
    return __atomic_compare_exchange_n(place, &seen, next, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
static inline int
pycapi_free_u8(uint8_t *place, uint8_t seen, uint8_t next)
{
    return __atomic_compare_exchange_n(place, &seen, next, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
static inline int
pycapi_take_word(uintptr_t *place, uintptr_t seen, uintptr_t next)
{
    return __atomic_compare_exchange_n(place, &seen, next, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
static inline int
pycapi_free_word(uintptr_t *place, uintptr_t seen, uintptr_t next)
{
    return __atomic_compare_exchange_n(place, &seen, next, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
static inline uint8_t
pycapi_load_u8(const uint8_t *place)
{
    return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}
static inline uintptr_t
pycapi_peek_word(const uintptr_t *place)
{
    return __atomic_load_n(place, __ATOMIC_RELAXED);
}
static inline void
pycapi_set_bits(uintptr_t *place, uintptr_t bits)
{
    __atomic_fetch_or(place, bits, __ATOMIC_RELEASE);
}
static inline void
pycapi_unset_bits(uintptr_t *place, uintptr_t bits)
{
    __atomic_fetch_and(place, ~bits, __ATOMIC_RELAXED);
}
#endif

/* ---- times, results, flags */

typedef int64_t PyTime_t;

typedef enum PyLockStatus {
    PY_LOCK_FAILURE = 0,  /* the time is up */
    PY_LOCK_ACQUIRED = 1,
    PY_LOCK_INTR = 2      /* an interrupt ended the wait */
} PyLockStatus;

typedef enum _PyLockFlags {
    _Py_LOCK_DONT_DETACH = 0,     /* sleep attached */
    _PY_LOCK_DETACH = 1,          /* detach from the runtime while asleep */
    _PY_LOCK_HANDLE_SIGNALS = 2   /* on an interrupt run the pending calls; if one fails, end with PY_LOCK_INTR */
#if PYCAPI_PY_VERSION >= 315
    ,
    _PY_FAIL_IF_INTERRUPTED = 4,  /* any interrupt ends the wait */
    _PY_LOCK_PYTHONLOCK = 8       /* unlocked by attached threads only */
#endif
} _PyLockFlags;

enum {
    Py_PARK_OK = 0,        /* unparked */
    Py_PARK_AGAIN = -1,    /* the value was not the expected one: not slept */
    Py_PARK_TIMEOUT = -2,
    Py_PARK_INTR = -3
};

#define _Py_UNLOCKED 0
#define _Py_LOCKED 1
#define _Py_HAS_PARKED 2
#define _Py_ONCE_INITIALIZED 4

/* ---- PyMutex: one byte. 0 free, 1 held, 3 held and waited for, 2 free with a woken waiter on its way. A thread that
 * has waited for a millisecond is handed the mutex. Not re-entrant. */

typedef struct PyMutex {
    uint8_t _bits;
} PyMutex;

void PyMutex_Lock(PyMutex *m);
void PyMutex_Unlock(PyMutex *m);

#if PYCAPI_PY_VERSION >= 314
static inline int
PyMutex_LockFast(PyMutex *m)
{
    return pycapi_take_u8(&m->_bits, _Py_UNLOCKED, _Py_LOCKED);
}
#else
static inline int
PyMutex_LockFast(uint8_t *lock_bits)
{
    return pycapi_take_u8(lock_bits, _Py_UNLOCKED, _Py_LOCKED);
}
#endif

static inline void
_PyMutex_Lock(PyMutex *m)
{
    if (!pycapi_take_u8(&m->_bits, _Py_UNLOCKED, _Py_LOCKED)) {
        PyMutex_Lock(m);
    }
}
#define PyMutex_Lock _PyMutex_Lock

static inline void
_PyMutex_Unlock(PyMutex *m)
{
    if (!pycapi_free_u8(&m->_bits, _Py_LOCKED, _Py_UNLOCKED)) {
        PyMutex_Unlock(m);
    }
}
#define PyMutex_Unlock _PyMutex_Unlock

#if PYCAPI_PY_VERSION >= 314
int PyMutex_IsLocked(PyMutex *m);

static inline int
_PyMutex_IsLocked(PyMutex *m)
{
    return (pycapi_load_u8(&m->_bits) & _Py_LOCKED) != 0;
}
#define PyMutex_IsLocked _PyMutex_IsLocked
#else
static inline int
PyMutex_IsLocked(PyMutex *m)
{
    return (pycapi_load_u8(&m->_bits) & _Py_LOCKED) != 0;
}
#endif

/* In the child of a fork: free, whoever held it. */
static inline void
_PyMutex_at_fork_reinit(PyMutex *m)
{
    memset(m, 0, sizeof(*m));
}

PyLockStatus _PyMutex_LockTimed(PyMutex *m, PyTime_t timeout_ns, _PyLockFlags flags);
int _PyMutex_TryUnlock(PyMutex *m); /* 0, or -1 if it is not locked */

#if PYCAPI_PY_VERSION >= 315
void _Py_yield(void);
#endif

static inline void
PyMutex_LockFlags(PyMutex *m, _PyLockFlags flags)
{
    if (!pycapi_take_u8(&m->_bits, _Py_UNLOCKED, _Py_LOCKED)) {
        (void)_PyMutex_LockTimed(m, -1, flags);
    }
}

/* ---- _PyRawMutex: one word; no timeout, no hand-over, no parking lot. For a few instructions. */

typedef struct {
    uintptr_t v;
} _PyRawMutex;

void _PyRawMutex_LockSlow(_PyRawMutex *m);
void _PyRawMutex_UnlockSlow(_PyRawMutex *m);

static inline void
_PyRawMutex_Lock(_PyRawMutex *m)
{
    if (!pycapi_take_word(&m->v, _Py_UNLOCKED, _Py_LOCKED)) {
        _PyRawMutex_LockSlow(m);
    }
}

static inline void
_PyRawMutex_Unlock(_PyRawMutex *m)
{
    if (!pycapi_free_word(&m->v, _Py_LOCKED, _Py_UNLOCKED)) {
        _PyRawMutex_UnlockSlow(m);
    }
}

/* ---- PyEvent: one byte, set once. */

typedef struct {
    uint8_t v;
} PyEvent;

int _PyEvent_IsSet(PyEvent *evt);
void _PyEvent_Notify(PyEvent *evt);
void PyEvent_Wait(PyEvent *evt);
/* 1 if the event is set; 0 after the time or an interrupt. */
int PyEvent_WaitTimed(PyEvent *evt, PyTime_t timeout_ns, int detach);

/* ---- _PyOnceFlag: one byte. The function returns 0 for success, -1 for failure; after a failure the next call tries
 * again. */

typedef struct {
    uint8_t v;
} _PyOnceFlag;

typedef int _Py_once_fn_t(void *arg);

int _PyOnceFlag_CallOnceSlow(_PyOnceFlag *flag, _Py_once_fn_t *fn, void *arg);

static inline int
_PyOnceFlag_CallOnce(_PyOnceFlag *flag, _Py_once_fn_t *fn, void *arg)
{
    if (pycapi_load_u8(&flag->v) == _Py_ONCE_INITIALIZED) {
        return 0;
    }
    return _PyOnceFlag_CallOnceSlow(flag, fn, arg);
}

/* ---- _PyRecursiveMutex: a mutex that its owner may lock again. */

typedef struct {
    PyMutex mutex;
    unsigned long long thread; /* the owner's number, 0 without one */
    size_t level;              /* how many more times than once */
} _PyRecursiveMutex;

int _PyRecursiveMutex_IsLockedByCurrentThread(_PyRecursiveMutex *m);
void _PyRecursiveMutex_Lock(_PyRecursiveMutex *m);
void _PyRecursiveMutex_Unlock(_PyRecursiveMutex *m);
#if PYCAPI_PY_VERSION >= 314
PyLockStatus _PyRecursiveMutex_LockTimed(_PyRecursiveMutex *m, PyTime_t timeout, _PyLockFlags flags);
int _PyRecursiveMutex_TryUnlock(_PyRecursiveMutex *m); /* 0, or -1 for anybody but the owner */
#endif

/* ---- _PyRWMutex: one word. Bit 0: a writer holds it; bit 1: threads wait; from bit 2: how many readers hold it. A
 * writer that waits keeps new readers out. */

typedef struct {
    uintptr_t bits;
} _PyRWMutex;

void _PyRWMutex_RLock(_PyRWMutex *rwmutex);
void _PyRWMutex_RUnlock(_PyRWMutex *rwmutex);
void _PyRWMutex_Lock(_PyRWMutex *rwmutex);
void _PyRWMutex_Unlock(_PyRWMutex *rwmutex);

/* ---- _PySeqLock: four bytes, odd while a writer is inside. Data is read and written by relaxed atomics. */

typedef struct {
    uint32_t sequence;
} _PySeqLock;

void _PySeqLock_LockWrite(_PySeqLock *seqlock);
void _PySeqLock_UnlockWrite(_PySeqLock *seqlock);
void _PySeqLock_AbandonWrite(_PySeqLock *seqlock); /* nothing has changed */
uint32_t _PySeqLock_BeginRead(_PySeqLock *seqlock);
int _PySeqLock_EndRead(_PySeqLock *seqlock, uint32_t previous); /* 1, or 0: read again */
int _PySeqLock_AfterFork(_PySeqLock *seqlock);                  /* 1: a write was under way, clear the data */

/* ---- the parking lot: sleep on an address. address_size is 1, 2, 4 or 8. */

int _PyParkingLot_Park(const void *address, const void *expected, size_t address_size,
                       PyTime_t timeout_ns, void *park_arg, int detach);

/* Called under a lock of the lot, also when nobody waits (park_arg is NULL then); uses neither the lot nor its locks. */
typedef void _Py_unpark_fn_t(void *arg, void *park_arg, int has_more_waiters);

void _PyParkingLot_Unpark(const void *address, _Py_unpark_fn_t *fn, void *arg);
void _PyParkingLot_UnparkAll(const void *address);
void _PyParkingLot_AfterFork(void); /* in the child of a fork, before any lock */

/* ---- _PySemaphore: as large as the system's; only the first word is used. */

typedef union _PySemaphore {
    uint32_t count;
#if defined(_WIN32)
    void *platform_sem;
#elif defined(__APPLE__)
    struct {
        pthread_mutex_t mutex;
        pthread_cond_t cond;
        int counter;
    } platform_sem;
#else
    sem_t platform_sem;
#endif
} _PySemaphore;

void _PySemaphore_Init(_PySemaphore *sema);
void _PySemaphore_Destroy(_PySemaphore *sema);
void _PySemaphore_Wakeup(_PySemaphore *sema);
#if PYCAPI_PY_VERSION >= 315
int _PySemaphore_Wait(_PySemaphore *sema, PyTime_t timeout_ns);
#else
int _PySemaphore_Wait(_PySemaphore *sema, PyTime_t timeout_ns, int detach);
#endif

/* ---- the runtime, if it is C's. Each function may be NULL. They are called on the thread concerned, and must not
 * unwind: not by longjmp, an exception, or pthread_exit. A thread that is not to come back sleeps in attach for ever. */

typedef struct pycapi_hooks {
    void *(*detach)(void);       /* before a sleep: the thread's state, or NULL if it is not attached */
    void (*attach)(void *state); /* after it, with what detach returned */
    int (*run_pending)(void);    /* after an interrupt: 0, or -1 if a handler failed */
    void (*fatal)(const char *function, const char *message); /* returning from it aborts */
} pycapi_hooks;

/* Once per process, before the first lock that can block; the table stays. 0, or -1 if there are hooks already. */
int pycapi_install_hooks(const pycapi_hooks *hooks);

#ifndef PYCAPI_NO_EMBED

/* ---- critical sections: locks that a thread gives up while it sleeps. They end in reverse order, on the same thread,
 * in the same place. */

typedef struct PyCriticalSection {
    uintptr_t _cs_prev;
    PyMutex *_cs_mutex;
} PyCriticalSection;

typedef struct PyCriticalSection2 {
    PyCriticalSection _cs_base;
    PyMutex *_cs_mutex2;
} PyCriticalSection2;

void PyCriticalSection_BeginMutex(PyCriticalSection *c, PyMutex *m);
void PyCriticalSection_End(PyCriticalSection *c);
void PyCriticalSection2_BeginMutex(PyCriticalSection2 *c, PyMutex *m1, PyMutex *m2);
void PyCriticalSection2_End(PyCriticalSection2 *c);

#define Py_BEGIN_CRITICAL_SECTION_MUTEX(mutex) \
    {                                          \
        PyCriticalSection _py_cs;              \
        PyCriticalSection_BeginMutex(&_py_cs, mutex)
#define Py_END_CRITICAL_SECTION()       \
        PyCriticalSection_End(&_py_cs); \
    }
#define Py_BEGIN_CRITICAL_SECTION2_MUTEX(m1, m2) \
    {                                            \
        PyCriticalSection2 _py_cs2;              \
        PyCriticalSection2_BeginMutex(&_py_cs2, m1, m2)
#define Py_END_CRITICAL_SECTION2()        \
        PyCriticalSection2_End(&_py_cs2); \
    }

/* ---- a runtime of pyceval: threads, pending calls, the eval breaker. */

typedef struct pycapi_thread pycapi_thread;

/* The main thread's state, detached; NULL if the process has a runtime or hooks. */
pycapi_thread *pycapi_runtime_start(int gil);
/* By the main thread, attached, before the process ends: 0, or -1 if a pending call failed. Threads that want to come back
 * after it sleep for ever. */
int pycapi_runtime_finalise(pycapi_thread *thread);
pycapi_thread *pycapi_thread_new(void);          /* detached; NULL without a runtime */
void pycapi_thread_free(pycapi_thread *thread);  /* detached, or attached by the calling thread */
int pycapi_thread_attach(pycapi_thread *thread); /* 0, or -1: attached already, or the end has begun */
void pycapi_thread_detach(pycapi_thread *thread);
/* 0, or -1: something was raised. A pending call that polls again gets 0, and does not detach. */
int pycapi_thread_poll(pycapi_thread *thread);
uintptr_t *pycapi_thread_breaker(pycapi_thread *thread); /* NULL while detached */
#ifndef _WIN32
/* By an attached thread, with fork itself: in the child it is the main thread and the only one; what it returns is fork's.
 * Locks that other threads may have held are the program's to make free; states that others had attached are left alone. */
int pycapi_thread_fork(pycapi_thread *thread, int (*fork)(void));
#endif

int Py_AddPendingCall(int (*func)(void *), void *arg); /* on the main thread; 0, or -1: full */
int Py_MakePendingCalls(void);                         /* 0, or -1: one failed */

#define _PY_GIL_DROP_REQUEST_BIT (1U << 0)
#define _PY_SIGNALS_PENDING_BIT (1U << 1)
#define _PY_CALLS_TO_DO_BIT (1U << 2)
#define _PY_ASYNC_EXCEPTION_BIT (1U << 3)
#define _PY_GC_SCHEDULED_BIT (1U << 4)
#define _PY_EVAL_PLEASE_STOP_BIT (1U << 5)
#define _PY_EVAL_EXPLICIT_MERGE_BIT (1U << 6)
#define _PY_EVAL_JIT_INVALIDATE_COLD_BIT (1U << 7)
#define _PY_EVAL_EVENTS_BITS 8
#define _PY_EVAL_EVENTS_MASK ((1U << _PY_EVAL_EVENTS_BITS) - 1)

/* The poll of an eval loop: whether to call pycapi_thread_poll. */
static inline int
pycapi_breaker_is_tripped(const uintptr_t *breaker)
{
    return (pycapi_peek_word(breaker) & _PY_EVAL_EVENTS_MASK) != 0;
}

static inline void
pycapi_breaker_set(uintptr_t *breaker, uintptr_t bits)
{
    pycapi_set_bits(breaker, bits);
}

static inline void
pycapi_breaker_unset(uintptr_t *breaker, uintptr_t bits)
{
    pycapi_unset_bits(breaker, bits);
}

#endif /* PYCAPI_NO_EMBED */

/* ---- sizes, alignments and offsets, as in abi/layout.txt */

#define PYCAPI_LAYOUT(type, size, align)                                            \
    PYCAPI_STATIC_ASSERT(sizeof(void *) != 8 || sizeof(type) == size, #type);       \
    PYCAPI_STATIC_ASSERT(sizeof(void *) != 8 || PYCAPI_ALIGNOF(type) == align, #type)
#define PYCAPI_OFFSET(type, field, offset) \
    PYCAPI_STATIC_ASSERT(sizeof(void *) != 8 || offsetof(type, field) == offset, #type "." #field)

PYCAPI_LAYOUT(PyMutex, 1, 1);
PYCAPI_OFFSET(PyMutex, _bits, 0);
PYCAPI_LAYOUT(PyEvent, 1, 1);
PYCAPI_OFFSET(PyEvent, v, 0);
PYCAPI_LAYOUT(_PyOnceFlag, 1, 1);
PYCAPI_OFFSET(_PyOnceFlag, v, 0);
PYCAPI_LAYOUT(_PyRawMutex, 8, 8);
PYCAPI_OFFSET(_PyRawMutex, v, 0);
PYCAPI_LAYOUT(_PyRecursiveMutex, 24, 8);
PYCAPI_OFFSET(_PyRecursiveMutex, mutex, 0);
PYCAPI_OFFSET(_PyRecursiveMutex, thread, 8);
PYCAPI_OFFSET(_PyRecursiveMutex, level, 16);
PYCAPI_LAYOUT(_PyRWMutex, 8, 8);
PYCAPI_OFFSET(_PyRWMutex, bits, 0);
PYCAPI_LAYOUT(_PySeqLock, 4, 4);
PYCAPI_OFFSET(_PySeqLock, sequence, 0);
#ifndef PYCAPI_NO_EMBED
PYCAPI_LAYOUT(PyCriticalSection, 16, 8);
PYCAPI_OFFSET(PyCriticalSection, _cs_prev, 0);
PYCAPI_OFFSET(PyCriticalSection, _cs_mutex, 8);
PYCAPI_LAYOUT(PyCriticalSection2, 24, 8);
PYCAPI_OFFSET(PyCriticalSection2, _cs_base, 0);
PYCAPI_OFFSET(PyCriticalSection2, _cs_mutex2, 16);
#endif
PYCAPI_STATIC_ASSERT(sizeof(PyLockStatus) == sizeof(int), "PyLockStatus");
PYCAPI_STATIC_ASSERT(sizeof(_PyLockFlags) == sizeof(int), "_PyLockFlags");

#ifdef __cplusplus
}
#endif
#endif /* PYCAPI_H */
