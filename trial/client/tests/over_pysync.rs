//! The lock module over `pysync`.

use pylock_client::lock;

mod scenarios;
