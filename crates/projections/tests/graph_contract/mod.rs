//! The contract of a graph store: every case runs against every store.
//!
//! A case takes a store that other cases may use at the same time: it works in tenants of its own, and in a
//! partition of its own where it touches checkpoints. A store is added with a module that says how it is opened
//! and calls [`graph_contract_cases!`].

pub(crate) mod batching;
pub(crate) mod digests;
pub(crate) mod embedded;
pub(crate) mod genealogy;
pub(crate) mod generations;
pub(crate) mod isolation;
pub(crate) mod merging;
pub(crate) mod reading;
pub(crate) mod retiring;
pub(crate) mod world;

/// One test per case of the contract. `$open` is an async function that gives `(Arc<dyn GraphStore>, guard)`.
macro_rules! graph_contract_cases {
    ($open:path) => {
        $crate::graph_contract::graph_contract_cases! { $open:
            digests::a_survey_tells_what_is_held_at_a_position,
            digests::clear_takes_one_partition_and_replay_restores_it,
            digests::the_digest_does_not_depend_on_order_or_batches,
            digests::the_digest_is_that_of_every_other_store,
            digests::the_digest_sees_every_difference,
            genealogy::a_trace_goes_both_ways_and_takes_the_other_inputs_along,
            genealogy::a_trace_takes_retired_edges_along,
            genealogy::thirty_levels_of_shared_ancestors_take_less_than_a_second,
            isolation::no_answer_holds_what_is_of_another_tenant,
            isolation::the_same_id_in_two_tenants_is_two_lots,
            merging::a_batch_that_fails_leaves_nothing,
            merging::a_rehearsal_leaves_nothing,
            merging::a_batch_is_applied_once,
            merging::a_batch_is_applied_once_by_two_writers,
            merging::checkpoints_are_kept_per_partition,
            merging::nothing_is_written_over_a_gap,
            merging::what_waits_is_kept_with_the_checkpoint,
            merging::who_was_fenced_writes_nothing,
            merging::properties_are_merged_and_removed,
            merging::every_type_of_property_comes_back,
            merging::every_part_of_an_edge_comes_back,
            merging::an_edge_is_written_once,
            merging::many_nodes_and_edges_in_one_batch,
            reading::a_list_is_paged_in_order_of_id,
            reading::a_list_is_filtered,
            reading::edges_are_told_by_type_label_and_direction,
            reading::what_does_not_exist_is_not_answered,
            retiring::a_document_retires_what_it_declared_before,
            retiring::a_node_retires_what_starts_there,
            retiring::a_batch_may_state_retire_and_restate,
            retiring::the_first_retirement_counts,
        }
    };
    ($open:path: $($module:ident::$case:ident,)*) => {$(
        #[tokio::test]
        async fn $case() {
            let (store, _guard) = $open().await;
            $crate::graph_contract::$module::$case(store).await;
        }
    )*};
}
pub(crate) use graph_contract_cases;
