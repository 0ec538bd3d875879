/* Compares what libpycapi.a takes for granted with the headers of a CPython tree. To be compiled, not linked, with the
 * flags of the tree's own files (docs/inside-cpython.md):
 *
 *     gcc -fsyntax-only -DPy_BUILD_CORE -I. -I../Include -I../Include/internal -x c pycapi_host_check.h
 */
#include "Python.h"
#include "pycore_lock.h"
#include "pycore_parking_lot.h"
#include "pycore_pystate.h"
#include "pycore_semaphore.h"

_Static_assert(PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x03100000, "3.13, 3.14 or 3.15");
/* a field more in each version */
#define GROWN (4 * (PY_VERSION_HEX >= 0x030E0000) + 4 * (PY_VERSION_HEX >= 0x030F0000))
_Static_assert(sizeof(void *) != 8 || offsetof(PyThreadState, state) == 40 + GROWN, "PyThreadState.state");
_Static_assert(sizeof(void *) != 4 || offsetof(PyThreadState, state) == 24 + GROWN, "PyThreadState.state");
_Static_assert(sizeof(((PyThreadState *)0)->state) == sizeof(int), "PyThreadState.state");
_Static_assert(_Py_THREAD_ATTACHED == 1, "_Py_THREAD_ATTACHED");

_Static_assert(sizeof(PyMutex) == 1 && sizeof(PyEvent) == 1 && sizeof(_PyOnceFlag) == 1, "bytes");
_Static_assert(sizeof(_PyRawMutex) == sizeof(void *) && sizeof(_PyRWMutex) == sizeof(void *), "words");
_Static_assert(sizeof(_PySeqLock) == 4, "_PySeqLock");
_Static_assert(sizeof(void *) != 8 || sizeof(_PyRecursiveMutex) == 24, "_PyRecursiveMutex");
_Static_assert(offsetof(_PyRecursiveMutex, thread) == 8, "_PyRecursiveMutex.thread");

_Static_assert(_Py_LOCKED == 1 && _Py_HAS_PARKED == 2 && _Py_ONCE_INITIALIZED == 4, "bits");
_Static_assert(_PY_LOCK_DETACH == 1 && _PY_LOCK_HANDLE_SIGNALS == 2, "_PyLockFlags");
_Static_assert(PY_LOCK_FAILURE == 0 && PY_LOCK_ACQUIRED == 1 && PY_LOCK_INTR == 2, "PyLockStatus");
_Static_assert(Py_PARK_OK == 0 && Py_PARK_AGAIN == -1, "Py_PARK_*");
_Static_assert(Py_PARK_TIMEOUT == -2 && Py_PARK_INTR == -3, "Py_PARK_*");
#if PY_VERSION_HEX >= 0x030F0000
_Static_assert(_PY_FAIL_IF_INTERRUPTED == 4 && _PY_LOCK_PYTHONLOCK == 8, "_PyLockFlags");
#endif

/* the one function whose arguments have changed: another list is a conflict */
#if PY_VERSION_HEX >= 0x030F0000
int _PySemaphore_Wait(_PySemaphore *sema, PyTime_t timeout_ns);
#else
int _PySemaphore_Wait(_PySemaphore *sema, PyTime_t timeout_ns, int detach);
#endif
