//! The contract tests every Wellspring connector must pass.
//!
//! A connector is supported when this suite passes for it. To run it, implement [`Target`] for your
//! database and expand the suite in an integration test; every test then shows under its own name,
//! once on a current-thread and once on a multi-thread runtime:
//!
//! ```no_run
//! use std::sync::Arc;
//! use wellspring_conformance::{Facts, Target};
//! use wellspring_connector::Connector;
//!
//! struct MyDatabase;
//!
//! impl Target for MyDatabase {
//!     fn facts(&self) -> Facts {
//!         Facts { numbers: "select i from generate_series(1, {n}) as s(i)".into(), ..Facts::default() }
//!     }
//!     async fn fresh(&self) -> Arc<dyn Connector> {
//!         todo_connect_to_a_new_and_empty_schema().await
//!     }
//!     fn unreachable(&self) -> Arc<dyn Connector> {
//!         todo_connect_to_a_port_where_nobody_listens()
//!     }
//! }
//! # async fn todo_connect_to_a_new_and_empty_schema() -> Arc<dyn Connector> { loop {} }
//! # fn todo_connect_to_a_port_where_nobody_listens() -> Arc<dyn Connector> { loop {} }
//!
//! wellspring_conformance::suite!(MyDatabase);
//! # fn main() {}
//! ```
//!
//! What differs between databases without being a difference in the contract (names of types,
//! how to count to a million, which statement provokes which error) is data: [`Facts`].

pub mod cancellation;
pub mod concurrency;
pub mod connecting;
pub mod errors;
mod facts;
pub mod parameters;
mod run;
mod session;
pub mod sessions;
pub mod streaming;
pub mod transactions;
pub mod values;

pub use facts::{Facts, Provoked, RoundTrip, Target};
pub use run::{run_on_many_threads, run_on_one_thread};
pub use session::Session;

/// Expands to all tests for a [`Target`], given as an expression that makes one.
#[macro_export]
macro_rules! suite {
    ($target:expr) => {
        mod on_one_thread {
            #[allow(unused_imports, reason = "the target may be named by its path")]
            use super::*;
            $crate::__all!($target, $crate::run_on_one_thread);
        }
        mod on_many_threads {
            #[allow(unused_imports, reason = "the target may be named by its path")]
            use super::*;
            $crate::__all!($target, $crate::run_on_many_threads);
        }
    };
}

/// The list of all tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __all {
    ($target:expr, $run:path) => {
        $crate::__cases!(
            $target,
            $run,
            connecting::connects_and_answers,
            connecting::a_failed_connect_is_typed,
            connecting::descriptions_are_plain,
            connecting::closes_and_stays_closed,
            values::values_round_trip,
            values::typed_nulls_are_null,
            values::long_values_round_trip,
            values::columns_are_described,
            values::wrong_targets_are_refused_by_name,
            parameters::positional_and_named_reach_their_places,
            parameters::one_name_serves_many_places,
            parameters::text_that_looks_like_sql_is_only_text,
            parameters::many_parameters_fit,
            parameters::wrong_counts_are_refused,
            errors::every_kind_is_told_apart,
            errors::a_session_survives_errors,
            transactions::commit_keeps_and_rollback_undoes,
            transactions::the_state_tells_the_truth,
            transactions::rollback_without_a_transaction_does_nothing,
            transactions::begin_twice_is_refused,
            transactions::savepoints_nest,
            transactions::savepoint_names_are_checked,
            transactions::isolation_is_granted_or_refused,
            transactions::read_only_refuses_writes_and_leaves_no_trace,
            transactions::others_see_only_what_is_committed,
            streaming::rows_come_complete_and_in_order,
            streaming::an_empty_result_has_columns,
            streaming::a_stream_dropped_early_leaves_the_session_usable,
            streaming::batches_are_bounded,
            streaming::rows_outlive_their_stream,
            cancellation::every_call_may_be_dropped_at_every_poll,
            cancellation::a_long_statement_dropped_harms_no_later_one,
            cancellation::a_transaction_dropped_half_way_is_all_or_nothing,
            sessions::reset_ends_a_transaction_as_told,
            sessions::a_clean_reset_is_harmless,
            sessions::native_access_taints_and_reset_cleans,
            sessions::the_same_text_serves_many_values,
            sessions::cached_statements_survive_changed_tables,
            sessions::scripts_run_in_order_and_stop_at_errors,
            sessions::text_goes_in_as_it_is,
            sessions::execute_reports_what_it_did,
            concurrency::many_connections_work_side_by_side,
            concurrency::a_pool_hands_on_clean_sessions,
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    ($target:expr, $run:path, $($module:ident::$name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            $run(stringify!($name), $target, $crate::$module::$name);
        }
    )*};
}

/// Everything that may cross threads does.
const _: () = {
    const fn send<T: Send + ?Sized>() {}
    const fn send_sync<T: Send + Sync + ?Sized>() {}
    send::<dyn wellspring_connector::Connection>();
    send::<wellspring_connector::Rows<'static>>();
    send_sync::<dyn wellspring_connector::Connector>();
    send_sync::<wellspring_connector::Row>();
    send_sync::<wellspring_connector::Error>();
    send_sync::<wellspring_connector::Value>();
};
