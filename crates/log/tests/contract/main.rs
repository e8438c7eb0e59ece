//! The contract of the event-log port: one suite, run against every adapter.
//!
//! Each test function takes a [`fixture::Fixture`] and knows nothing of what is behind it. What only a log that
//! outlives its process can promise is in [`durability`]; what only JetStream can get wrong is in `nats_server`,
//! `nats_batches`, `nats_outage` and `nats_records`; what only the EventStoreDB adapter can, in `event_store`. With the feature
//! `eventstore` the suite also runs against the EventStoreDB server of `FOODFLOW_TEST_EVENTSTORE_URL`. The JetStream tests start a real `nats-server` each; where there is none they fail and say
//! how to install it, and are never skipped.

mod commits;
mod durability;
mod event_store;
mod fixture;
mod group_commit;
mod keys;
mod memory_streams;
mod nats_batches;
mod nats_outage;
mod nats_records;
mod nats_server;
mod races;
mod ranges;
mod reads;
mod records;
mod refusals;
mod runs;
mod subscriptions;

/// Makes one test per listed function and adapter.
macro_rules! contract {
    ($($module:ident: $($test:ident)+;)+) => {
        contract!(@adapter memory, $($($module $test)+)+);
        contract!(@adapter embedded, $($($module $test)+)+);
        contract!(@adapter partitioned, $($($module $test)+)+);
        contract!(@adapter event_streams, $($($module $test)+)+);
        contract!(@adapter nats, $($($module $test)+)+);
        #[cfg(feature = "eventstore")]
        contract!(@adapter eventstore, $($($module $test)+)+);
    };
    (@adapter $adapter:ident, $($module:ident $test:ident)+) => {
        mod $adapter {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() -> anyhow::Result<()> {
                    crate::$module::$test(crate::fixture::Fixture::$adapter().await?).await
                }
            )+
        }
    };
}

/// The same for adapters whose log outlives them.
macro_rules! durable_contract {
    ($($module:ident: $($test:ident)+;)+) => {
        mod durable_embedded {
            durable_contract!(@adapter embedded, $($($module $test)+)+);
        }
        mod durable_partitioned {
            durable_contract!(@adapter partitioned, $($($module $test)+)+);
        }
        mod durable_event_streams {
            durable_contract!(@adapter event_streams, $($($module $test)+)+);
        }
        #[cfg(feature = "eventstore")]
        mod durable_eventstore {
            durable_contract!(@adapter eventstore, $($($module $test)+)+);
        }
        mod durable_nats {
            durable_contract!(@adapter nats, $($($module $test)+)+);
        }
    };
    (@adapter $adapter:ident, $($module:ident $test:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() -> anyhow::Result<()> {
                crate::$module::$test(crate::fixture::Fixture::$adapter().await?).await
            }
        )+
    };
}

contract! {
    commits:
        messages_of_a_commit_take_adjoining_positions
        payloads_come_back_byte_for_byte
        a_stream_grows_only_from_its_end
        a_commit_may_hold_a_thousand_messages
        a_commit_touches_no_other_stream
        a_payload_of_the_largest_size_is_kept;
    refusals:
        an_existing_stream_refuses_to_be_created
        a_mismatch_on_any_one_stream_leaves_nothing_behind
        a_commit_that_breaks_a_bound_is_refused_and_leaves_nothing
        a_closed_log_refuses_appends
        a_partition_that_does_not_exist_is_refused;
    reads:
        a_stream_is_loaded_from_after_a_position
        a_missing_stream_loads_as_empty
        a_stream_of_many_megabytes_is_loaded_whole
        a_stream_is_loaded_by_pages
        the_last_message_before_a_position_is_found
        the_head_is_the_last_position
        tenants_do_not_see_each_other
        every_partition_counts_for_itself;
    ranges:
        ranges_are_exact_in_both_directions
        a_sparse_tenant_is_found_from_both_ends
        many_pages_read_as_one_range
        an_empty_partition_has_only_empty_ranges;
    subscriptions:
        a_subscription_starts_at_the_beginning
        a_subscription_starts_in_the_middle
        a_subscription_goes_on_with_what_is_appended_later
        a_subscription_of_one_tenant_sees_no_other
        a_subscription_resumes_without_gap_or_repetition
        a_subscription_ends_with_the_log;
    races:
        writers_on_one_stream_lose_nothing
        writers_on_disjoint_streams_never_conflict
        overlapping_commits_are_whole_or_absent;
    runs:
        a_run_takes_adjoining_positions_in_its_order
        a_run_may_hold_thousands_of_messages
        a_run_elsewhere_than_at_the_end_is_refused_whole
        nothing_behind_a_refused_commit_of_a_run_stands
        a_run_that_breaks_a_bound_is_refused_whole
        runs_and_commits_that_race_never_lie_astray;
    records:
        a_record_is_the_latest_value_under_its_key
        a_write_goes_through_only_where_it_was_expected
        of_writers_who_race_one_wins
        two_handles_see_each_others_writes
        a_deleted_record_is_gone_and_its_revision_with_it
        records_are_listed_in_order_of_their_keys
        a_list_is_bounded_in_bytes_and_loses_nothing
        keys_and_values_of_every_sort_come_back
        where_nothing_was_written_nothing_is_found
        records_close_with_the_log;
    keys:
        what_is_sealed_is_opened_by_every_process
        what_is_moved_or_changed_is_not_opened
        processes_that_seal_first_at_once_make_one_key
        a_forgotten_person_is_erased_for_good
        another_process_forgets_within_the_time_that_it_keeps_keys
        nothing_of_a_forgotten_key_is_left_on_disk
        a_missing_key_is_not_taken_for_a_forgotten_person
        a_rotated_key_seals_and_the_earlier_ones_open
        another_master_key_is_refused
        every_key_is_sealed_under_the_next_master_key
        an_index_is_found_again_and_not_guessed
        an_index_key_that_was_lost_is_not_made_anew
        a_copy_of_keys_is_read_in_and_a_tombstone_stays
        a_reader_of_an_opened_log_sees_personal_data;
    group_commit:
        only_losers_fail_among_many_writers
        commits_on_one_stream_keep_their_order_while_they_wait
        of_many_at_once_on_one_stream_the_first_wins
        commits_of_all_sizes_mix
        what_a_full_queue_refuses_leaves_nothing_behind
        what_is_given_up_is_whole_or_absent;
}

durable_contract! {
    durability:
        a_reopened_log_holds_everything
        a_crashed_log_holds_everything_that_was_acknowledged
        a_reopened_log_still_refuses_what_came_before
        records_outlive_a_reopening_and_a_crash;
    group_commit:
        a_log_that_is_closed_under_load_answers_and_keeps_everything;
    runs:
        a_log_that_is_closed_finishes_the_runs_it_took_in;
}
