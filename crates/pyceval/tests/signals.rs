//! Signals: upstream's scenarios by their names, registrations, the wake-up descriptor, subscriptions, storms.
//!
//! Handlers belong to the process, so one test has them at a time. Signals that are sent to the whole process
//! (`SIGUSR1`, `SIGUSR2`, `SIGALRM`) may arrive after the test that sent them, so tests that count use others.
#![cfg(unix)]

use pyceval::{
    Attached, KeyboardInterrupt, Raised, Runtime, SignalError, Signals, ThreadState, WakeupError,
};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU64;
use pysync::{Event, Mutex};
use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use trial::until::{joined, until, until_asleep};

/// The process's handlers, for one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static KNOWN: AtomicU64 = AtomicU64::new(0);
    static HANDLERS: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let alone = HANDLERS.lock().unwrap_or_else(PoisonError::into_inner);
    // A signal to the process may still be on its way when a test ends: it is to be ignored then.
    for signal in [libc::SIGUSR1, libc::SIGUSR2, libc::SIGALRM] {
        if KNOWN.load(Ordering::SeqCst) == 0 {
            // SAFETY: before anybody listens.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
    }
    KNOWN.store(1, Ordering::SeqCst);
    alone
}

fn start() -> (Runtime, ThreadState) {
    Runtime::builder().start().unwrap()
}

/// Sends the process a signal that has a handler.
fn kill(signal: i32) {
    // SAFETY: the tests send only what they listen to.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal) }, 0);
}

/// Runs the handler of a signal on this thread.
fn raise(signal: i32) {
    // SAFETY: as above.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

/// Upstream's scenario: Ctrl-C is an error at the next poll, and one only.
#[test]
fn test_keyboard_interrupt() {
    let _alone = alone();
    let (runtime, mut main) = start();
    let _registration = runtime.signals().catch_interrupts().unwrap();
    let attached = main.attach().unwrap();
    attached.poll().unwrap();
    raise(libc::SIGINT);
    assert!(attached.poll().unwrap_err().is::<KeyboardInterrupt>());
    attached.poll().unwrap();
}

/// Upstream's scenario: signals that must not be caught, and numbers that are none.
#[test]
fn test_out_of_range_signal_number_raises_error() {
    let signals = Signals::new();
    for signal in [i32::MIN, -1, 0, 65, i32::MAX] {
        assert!(matches!(signals.on(signal, |_, _| Ok(())), Err(SignalError::OutOfRange(_))));
        assert!(matches!(signals.trip(signal), Err(SignalError::OutOfRange(_))));
        assert!(matches!(signals.subscribe(signal), Err(SignalError::OutOfRange(_))));
    }
    for signal in [libc::SIGKILL, libc::SIGSTOP, libc::SIGILL, libc::SIGFPE, libc::SIGSEGV] {
        let error = signals.on(signal, |_, _| Ok(())).unwrap_err();
        assert!(matches!(error, SignalError::Forbidden(named) if named == signal));
        assert!(error.to_string().contains(&format!("signal {signal} must not be caught")));
    }
}

#[test]
fn one_runtime_has_the_handlers() {
    let _alone = alone();
    let (first, second) = (Signals::new(), Signals::new());
    let registration = first.on(libc::SIGURG, |_, _| Ok(())).unwrap();
    let refused = second.on(libc::SIGWINCH, |_, _| Ok(())).unwrap_err();
    assert!(matches!(refused, SignalError::OtherOwner));
    assert!(refused.to_string().contains("until its last registration has ended"));
    drop(registration);
    let registration = second.on(libc::SIGWINCH, |_, _| Ok(())).unwrap();
    assert!(matches!(first.on(libc::SIGURG, |_, _| Ok(())), Err(SignalError::OtherOwner)));
    drop(registration);
    // What is kept, is kept until the signals are dropped.
    first.on(libc::SIGURG, |_, _| Ok(())).unwrap().keep();
    assert!(second.subscribe(libc::SIGWINCH).is_err());
    drop(first);
    // A signal that the system refuses claims nothing.
    assert!(second.on(32, |_, _| Ok(())).is_err() || cfg!(not(target_os = "linux")));
    drop(Signals::new().on(libc::SIGWINCH, |_, _| Ok(())).unwrap());
}

/// The lowest number first, each once however often it came; what fails leaves the others for the next poll.
#[test]
fn delivery_is_ascending_and_coalesces_and_goes_on_after_an_error() {
    let _alone = alone();
    let (runtime, mut main) = start();
    let log = Arc::new(std::sync::Mutex::new(Vec::new()));
    let listen = |signal, fails: bool| {
        let log = Arc::clone(&log);
        let listened = runtime.signals().on(signal, move |_, signal| {
            log.lock().unwrap().push(signal);
            if fails { Err(Raised::new("failed")) } else { Ok(()) }
        });
        listened.unwrap().keep();
    };
    listen(libc::SIGWINCH, false);
    listen(libc::SIGURG, true);
    listen(libc::SIGHUP, false);
    let attached = main.attach().unwrap();
    for _ in 0..3 {
        raise(libc::SIGWINCH);
        raise(libc::SIGURG);
        raise(libc::SIGHUP);
    }
    assert_eq!(attached.poll().unwrap_err().to_string(), "failed");
    assert_eq!(*log.lock().unwrap(), [libc::SIGHUP, libc::SIGURG]);
    assert!(attached.breaker().is_tripped());
    attached.poll().unwrap();
    assert_eq!(*log.lock().unwrap(), [libc::SIGHUP, libc::SIGURG, libc::SIGWINCH]);
    attached.poll().unwrap();
    assert_eq!(log.lock().unwrap().len(), 3);
}

#[test]
fn a_registration_that_goes_brings_the_one_before_back() {
    let _alone = alone();
    let (runtime, mut main) = start();
    let named = |name: &'static str| {
        runtime.signals().on(libc::SIGURG, move |_, _| Err(Raised::new(name))).unwrap()
    };
    let attached = main.attach().unwrap();
    let said = || {
        runtime.signals().trip(libc::SIGURG).unwrap();
        attached.poll().err().map(|raised| raised.to_string())
    };
    let first = named("first");
    let second = named("second");
    assert_eq!(said().as_deref(), Some("second"));
    let third = named("third");
    drop(second);
    assert_eq!(said().as_deref(), Some("third"));
    drop(third);
    assert_eq!(said().as_deref(), Some("first"));
    drop(first);
    assert_eq!(said(), None);
}

/// Once nobody listens any more, the signal does what it did before: it ends the process.
#[test]
fn the_default_action_comes_back() {
    let _alone = alone();
    let signals = Signals::new();
    drop(signals.on(libc::SIGTERM, |_, _| Ok(())).unwrap());
    drop(signals);
    // SAFETY: the child only raises a signal and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        raise(libc::SIGTERM);
        // SAFETY: no condition.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: the status is ours.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGTERM);
}

/// Main is blocked in a lock call; the signal's error ends it.
#[test]
fn a_signal_ends_a_lock_call_of_the_main_thread() {
    let _alone = alone();
    let (runtime, mut main) = start();
    let _registration = runtime.signals().catch_interrupts().unwrap();
    static MUTEX: Mutex = Mutex::new();
    MUTEX.lock();
    let sender = thread::spawn(|| {
        until_asleep(&MUTEX, 1);
        raise(libc::SIGINT);
    });
    let attached = main.attach().unwrap();
    let raised = attached.wait(|flags| MUTEX.lock_timed(None, flags)).unwrap_err();
    assert!(raised.is::<KeyboardInterrupt>());
    joined(sender);
    MUTEX.unlock();
}

/// SIGNAL-5: the main thread's state has gone to another thread of the system, and comes back: signals end the sleeps of
/// whoever has it.
#[test]
fn a_signal_ends_a_lock_call_of_whoever_has_the_main_state() {
    let _alone = alone();
    for gil in [true, false] {
        let (runtime, mut main) = Runtime::builder().gil(gil).start().unwrap();
        let _registration = runtime.signals().catch_interrupts().unwrap();
        for _ in 0..3 {
            main = joined(thread::spawn(|| interrupted(main)));
            main = interrupted(main);
        }
    }
}

/// Waits for a lock with this state, until a signal ends that.
fn interrupted(mut main: ThreadState) -> ThreadState {
    let mutex = Arc::new(Mutex::new());
    mutex.lock();
    let sender = thread::spawn({
        let mutex = Arc::clone(&mutex);
        move || {
            until_asleep(&*mutex, 1);
            raise(libc::SIGINT);
            until("the sleeper to be gone", || trial::until::waits_on(&*mutex).is_empty());
        }
    });
    let attached = main.attach().unwrap();
    assert!(attached.is_main());
    let patience = Some(std::time::Duration::from_secs(60));
    let raised = attached.wait(|flags| mutex.lock_timed(patience, flags)).unwrap_err();
    assert!(raised.is::<KeyboardInterrupt>());
    joined(sender);
    drop(attached);
    main
}

fn pipe() -> (UnixStream, UnixStream) {
    let (reader, writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    reader.set_nonblocking(true).unwrap();
    (reader, writer)
}

/// Upstream's scenarios: a closed descriptor, one that could block, and what is set is given back.
#[test]
fn test_invalid_and_blocking_and_set_wakeup_fd_result() {
    let signals = Signals::new();
    let (_reader, writer) = pipe();
    let (_other, blocking) = UnixStream::pair().unwrap();
    // SAFETY: the descriptor is not open, so it is not set.
    let closed = unsafe { signals.set_wakeup_fd(Some(1 << 20)) };
    assert!(matches!(closed, Err(WakeupError::Closed { .. })));
    // SAFETY: refused, as it blocks.
    let blocked = unsafe { signals.set_wakeup_fd(Some(blocking.as_raw_fd())) };
    assert!(matches!(blocked, Err(WakeupError::Blocking { .. })));
    // SAFETY: `writer` outlives the signals' use of it, which ends below.
    unsafe {
        assert_eq!(signals.set_wakeup_fd(Some(writer.as_raw_fd())).unwrap(), None);
        assert_eq!(signals.wakeup_fd(), Some(writer.as_raw_fd()));
        assert_eq!(signals.set_wakeup_fd(None).unwrap(), Some(writer.as_raw_fd()));
    }
    assert_eq!(signals.wakeup_fd(), None);
}

/// Upstream's scenarios: the byte is the signal's number, a full pipe is no error, another error is kept.
#[test]
fn test_signum_and_wakeup_write_error() {
    let _alone = alone();
    let (runtime, mut main) = start();
    let _one = runtime.signals().on(libc::SIGURG, |_, _| Ok(())).unwrap();
    let _two = runtime.signals().on(libc::SIGWINCH, |_, _| Ok(())).unwrap();
    let signals = runtime.signals();
    let (mut reader, writer) = pipe();
    // SAFETY: `writer` is open until another descriptor is set.
    unsafe { signals.set_wakeup_fd(Some(writer.as_raw_fd())) }.unwrap();
    raise(libc::SIGURG);
    raise(libc::SIGWINCH);
    let mut bytes = [0; 2];
    reader.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes.map(i32::from), [libc::SIGURG, libc::SIGWINCH]);
    while std::io::Write::write(&mut &writer, &[0; 4096]).is_ok() {}
    raise(libc::SIGURG);
    assert!(signals.take_wakeup_error().is_none(), "a full pipe");
    drop(reader);
    raise(libc::SIGURG);
    assert_eq!(signals.take_wakeup_error().unwrap().kind(), ErrorKind::BrokenPipe);
    assert!(signals.take_wakeup_error().is_none());
    // SAFETY: none.
    unsafe { signals.set_wakeup_fd(None) }.unwrap();
    main.attach().unwrap().poll().unwrap();
}

#[test]
fn a_trip_keeps_errno() {
    let signals = Signals::new();
    let (reader, writer) = pipe();
    // SAFETY: `writer` outlives the signals.
    unsafe { signals.set_wakeup_fd(Some(writer.as_raw_fd())) }.unwrap();
    drop(reader);
    errno::set_errno(errno::Errno(77));
    signals.trip(libc::SIGINT).unwrap();
    assert_eq!(errno::errno().0, 77);
    drop(signals);
}

/// A subscriber hears of a signal although the main thread never polls, and no more once the subscription has ended.
#[test]
fn a_subscriber_needs_no_poll() {
    let _alone = alone();
    let signals = Signals::new();
    let subscription = signals.subscribe(libc::SIGUSR1).unwrap();
    for _ in 0..100 {
        kill(libc::SIGUSR1);
        assert_eq!(subscription.recv().unwrap(), libc::SIGUSR1);
    }
    let receiver = (*subscription).clone();
    drop(subscription);
    assert!(receiver.iter().count() <= 1, "disconnected");
}

/// Forks while signals come: the child polls, and has none of the parent's.
fn fork_once(attached: &Attached<'_>) {
    // SAFETY: only forks; the child uses the runtime's poll, and ends by `_exit`.
    let child = unsafe { attached.fork(|| libc::fork()) };
    if child == 0 {
        let wrong = attached.poll().is_err() || attached.detached(|| 7) != 7;
        // SAFETY: no condition.
        unsafe { libc::_exit(i32::from(wrong)) };
    }
    assert!(child > 0, "fork failed");
    let mut status = 0;
    let ended = attached.detached(|| {
        loop {
            // SAFETY: the status is this frame's.
            let ended = unsafe { libc::waitpid(child, &mut status, 0) };
            if ended >= 0 || std::io::Error::last_os_error().kind() != ErrorKind::Interrupted {
                return ended;
            }
        }
    });
    assert_eq!((ended, status), (child, 0));
}

/// Upstream's scenario, larger: 100,000 signals of three kinds to the process while the main thread computes, waits for
/// locks, sleeps in events and forks; each is delivered at least once after it was last sent, and on the main thread only.
#[test]
fn test_stress_delivery_simultaneous() {
    const EACH: u64 = if cfg!(debug_assertions) { 8_000 } else { 34_000 };
    const KINDS: [i32; 3] = [libc::SIGUSR1, libc::SIGUSR2, libc::SIGALRM];
    let _alone = alone();
    let (runtime, mut main) = start();
    let sent = Arc::new(KINDS.map(|_| AtomicU64::new(0)));
    // What had been sent when the callback began for the last time.
    let heard = Arc::new(KINDS.map(|_| AtomicU64::new(0)));
    let elsewhere = Arc::new(AtomicU64::new(0));
    let home = thread::current().id();
    for (kind, signal) in KINDS.into_iter().enumerate() {
        let (sent, heard) = (Arc::clone(&sent), Arc::clone(&heard));
        let elsewhere = Arc::clone(&elsewhere);
        let listened = runtime.signals().on(signal, move |_, _| {
            heard[kind].store(sent[kind].load(Ordering::SeqCst), Ordering::SeqCst);
            elsewhere.fetch_add(u64::from(thread::current().id() != home), Ordering::SeqCst);
            Ok(())
        });
        listened.unwrap().keep();
    }
    let senders: Vec<_> = (0..KINDS.len())
        .map(|kind| {
            let sent = Arc::clone(&sent);
            thread::spawn(move || {
                for _ in 0..EACH {
                    // Counted first: a callback that begins after the signal came finds it counted.
                    sent[kind].fetch_add(1, Ordering::SeqCst);
                    kill(KINDS[kind]);
                }
            })
        })
        .collect();
    let attached = main.attach().unwrap();
    let never = Event::new();
    let held = Mutex::new();
    held.lock();
    let mut turn = 0_u64;
    while !senders.iter().all(thread::JoinHandle::is_finished) {
        turn += 1;
        let brief = Some(std::time::Duration::from_micros(50));
        match turn % 64 {
            0 => assert!(!never.wait_timed(brief)),
            1 => drop(attached.wait(|flags| held.lock_timed(brief, flags)).unwrap()),
            2 => drop(attached.wait(|flags| never.wait_with(brief, flags)).unwrap()),
            3 if turn % 512 == 3 => fork_once(&attached),
            _ => attached.poll().unwrap(),
        }
    }
    senders.into_iter().for_each(joined);
    until("the last deliveries", || {
        attached.poll().unwrap();
        heard.iter().all(|heard| heard.load(Ordering::SeqCst) == EACH)
    });
    assert_eq!(elsewhere.load(Ordering::SeqCst), 0, "a callback ran off the main thread");
    held.unlock();
}

#[cfg(target_os = "linux")]
#[test]
fn a_callback_that_the_system_refuses_may_own_a_registration() {
    let _alone = alone();
    let (runtime, _main) = start();
    let signals = runtime.signals();
    let owned = signals.on(libc::SIGUSR1, |_, _| Ok(())).unwrap();
    // The first real-time signals are the C library's own.
    let refused = signals.on(32, move |_, signal| {
        assert_ne!(signal, owned.signal());
        Ok(())
    });
    assert!(matches!(refused, Err(SignalError::System { signal: 32, .. })));
}
