//! The checkers: small machines that stand inside or beside a primitive and know what must hold.

pub mod crowd;
pub mod fairness;
pub mod gate;
pub mod plain;
pub mod section;
