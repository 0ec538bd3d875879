//! Criterion's view of the row 'uncontended': the same straight lines of lock and unlock, with
//! criterion's statistics, for following one primitive over time on one machine.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pylock_bench::arm::Role;
use pylock_bench::context::{Context, Mode};
use pylock_bench::rows::uncontended;
use pylock_bench::solo::PER_PASS;

fn lock_and_unlock(criterion: &mut Criterion) {
    let context = Context {
        mode: Mode::Quick,
        threads: None,
        sections: None,
        outside: None,
        peers: Vec::new(),
        cpython: false,
        block: None,
        rounds: None,
    };
    let mut group = criterion.benchmark_group("lock_unlock");
    group.throughput(Throughput::Elements(PER_PASS));
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for arm in uncontended::arms(&context) {
        if arm.label().role != Role::Control {
            group.bench_function(arm.label().name.as_str(), |bencher| bencher.iter(|| arm.run(1)));
        }
    }
    group.finish();
}

criterion_group!(benches, lock_and_unlock);
criterion_main!(benches);
