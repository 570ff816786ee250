//! Taking turns with other tasks: statements that run where they are called never wait, so without this
//! a task could keep its worker for ever.
//!
//! Tokio gives each turn of a task a budget, which a pool's acquire takes some of as well. A turn best
//! ends there, while the task holds no connection: yielding with one makes others wait for it. So the
//! first statements of a loan only spend, and what they leave ends the turn at the next acquire.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::task::coop::{consume_budget, has_budget_remaining};

/// How many statements a loan may run before it takes turns itself.
pub(crate) const LOAN: u32 = 16;

/// Spends a statement's share, or what there is. Tokio gives 128 for each turn, and an acquire takes one
/// too: a turn is some 60 statements long, less than half a millisecond.
pub(crate) fn spend() {
    if has_budget_remaining() {
        // It is ready, then.
        let _ready = pin!(consume_budget()).poll(&mut Context::from_waker(Waker::noop()));
    }
}

/// Ready while there is budget left, of which it takes a statement's share; else the task's turn ends.
pub(crate) fn poll(cx: &mut Context<'_>) -> Poll<()> {
    pin!(consume_budget()).poll(cx)
}
