//! The contract of a store of tables: every case runs against every store.
//!
//! A case takes an empty store of its own and works in tenants and partitions of its own. A store is added with a module
//! that says how it is opened and calls [`table_contract_cases!`].

pub(crate) mod applying;
pub(crate) mod batching;
pub(crate) mod changing;
pub(crate) mod digests;
pub(crate) mod embedded;
pub(crate) mod generations;
pub(crate) mod model;
pub(crate) mod postgres;
pub(crate) mod reading;
pub(crate) mod row_security;
pub(crate) mod secrets;
pub(crate) mod tables;
pub(crate) mod values;
pub(crate) mod waiting;
pub(crate) mod world;

/// One test per case of the contract. `$open` is an async function that gives `(Arc<dyn TableStore>, guard)`.
macro_rules! table_contract_cases {
    ($open:path) => {
        $crate::table_contract::table_contract_cases! { $open:
            applying::a_batch_is_applied_once,
            applying::a_batch_is_applied_once_by_two_writers,
            applying::a_batch_that_fails_leaves_nothing,
            applying::a_rehearsal_refuses_what_applying_would_and_leaves_nothing,
            applying::a_tenant_stays_in_its_partition,
            applying::checkpoints_are_kept_per_partition,
            applying::nothing_is_written_over_a_gap,
            applying::the_identity_stays,
            applying::who_was_fenced_writes_nothing,
            batching::any_batching_leaves_the_same_rows,
            changing::a_patch_sets_what_it_names_where_the_row_exists,
            changing::a_row_is_set_as_a_whole,
            changing::a_row_that_is_gone_stays_gone_until_it_is_made_anew,
            changing::a_sum_begins_with_its_row_and_grows,
            changing::a_sum_that_cannot_be_held_is_refused,
            changing::many_rows_in_one_batch,
            changing::rows_that_others_refer_to_come_first_and_go_last,
            digests::clear_takes_one_partition_and_replay_restores_it,
            digests::the_digest_is_that_of_every_other_store,
            digests::the_digest_sees_every_difference,
            generations::a_held_partition_is_claimed_by_nobody_else,
            generations::a_stale_switch_is_refused,
            generations::a_switch_changes_places_and_back_again,
            generations::a_tenant_is_switched_alone,
            generations::an_interrupted_fill_goes_on,
            generations::nobody_sees_what_stands_beside,
            generations::several_partitions_are_switched_together,
            reading::a_secret_is_written_and_never_answered,
            reading::a_question_answers_with_the_tenants_rows_alone,
            reading::rows_are_filtered_and_ordered,
            reading::rows_are_paged,
            reading::what_is_no_column_is_refused,
            values::every_type_comes_back,
            values::null_is_not_absent_and_not_empty,
            values::the_longest_text_fits,
            waiting::what_waits_changes_places_with_its_generation,
        }
    };
    ($open:path: $($module:ident::$case:ident,)*) => {$(
        #[tokio::test]
        async fn $case() {
            let (store, _guard) = $open().await;
            $crate::table_contract::$module::$case(store).await;
        }
    )*};
}
pub(crate) use table_contract_cases;
