//! Instructions on the stack alone: arithmetic, comparison, order.

use crate::machine::{Execution, Instruction};
use crate::value::{Value, exception, raise};
use pyceval::Raised;

pub(crate) const INSTRUCTIONS: &[(&str, Instruction)] = &[
    ("pop", |run| run.pop().map(drop)),
    ("dup", dup),
    ("add", |run| arithmetic(run, i64::checked_add)),
    ("sub", |run| arithmetic(run, i64::checked_sub)),
    ("mul", |run| arithmetic(run, i64::checked_mul)),
    ("div", |run| arithmetic(run, i64::checked_div)),
    ("rem", |run| arithmetic(run, i64::checked_rem)),
    ("lt", |run| arithmetic(run, |a, b| Some((a < b).into()))),
    ("eq", equal),
    ("not", not),
    ("is_nil", is_nil),
    ("join_text", join_text),
    ("raise", |run| raise(&*run.pop_text()?)),
];

fn dup(run: &mut Execution<'_>) -> Result<(), Raised> {
    let value = run.pop()?;
    run.push(value.clone());
    run.push(value);
    Ok(())
}

fn arithmetic(run: &mut Execution<'_>, f: fn(i64, i64) -> Option<i64>) -> Result<(), Raised> {
    let (b, a) = (run.pop_int()?, run.pop_int()?);
    let result = f(a, b).ok_or_else(|| exception(format!("no result for {a} and {b}")))?;
    run.push(Value::Int(result));
    Ok(())
}

fn equal(run: &mut Execution<'_>) -> Result<(), Raised> {
    let equal = match (run.pop()?, run.pop()?) {
        (Value::Nil, Value::Nil) => true,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        _ => false,
    };
    run.push(equal);
    Ok(())
}

fn not(run: &mut Execution<'_>) -> Result<(), Raised> {
    let value = run.pop()?;
    run.push(!value.is_true());
    Ok(())
}

fn is_nil(run: &mut Execution<'_>) -> Result<(), Raised> {
    let value = run.pop()?;
    run.push(matches!(value, Value::Nil));
    Ok(())
}

fn join_text(run: &mut Execution<'_>) -> Result<(), Raised> {
    let (second, first) = (run.pop_text()?, run.pop_text()?);
    run.push(Value::Text(format!("{first}{second}").into()));
    Ok(())
}
