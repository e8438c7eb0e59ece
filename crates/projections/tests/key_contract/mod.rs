//! The contract of a key store: every case runs against every store.
//!
//! A case takes a store that others may use at the same time, and works with tenants, sessions and buckets of its own. A
//! store is added with a module that says how it is opened and calls [`key_contract_cases!`].

pub(crate) mod buckets;
pub(crate) mod embedded;
pub(crate) mod pending_logins;
pub(crate) mod redis;
pub(crate) mod revocations;
pub(crate) mod sessions;
pub(crate) mod world;

/// One test per case of the contract. `$open` is an async function that gives `(Arc<dyn KeyStore>, guard)`.
macro_rules! key_contract_cases {
    ($open:path) => {
        $crate::key_contract::key_contract_cases! { $open:
            buckets::a_bucket_gives_its_burst_and_then_its_rate,
            buckets::a_flood_of_one_tenant_is_not_anothers,
            buckets::a_rate_may_change,
            buckets::all_or_none_of_several_buckets_is_taken_from,
            buckets::many_at_once_get_no_token_too_many,
            buckets::the_longest_wait_is_told,
            pending_logins::a_login_is_taken_once_and_by_its_state_alone,
            pending_logins::a_login_is_over_in_time,
            pending_logins::of_many_who_ask_at_once_one_has_it,
            revocations::a_revoked_actor_is_refused_up_to_the_instant,
            revocations::a_revoked_session_is_refused_alone,
            revocations::a_revoked_tenant_is_refused_and_no_other,
            revocations::an_earlier_revocation_takes_nothing_back,
            revocations::a_revocation_ends,
            revocations::what_is_refused_takes_no_token,
            sessions::a_session_is_kept_and_replaced_and_dropped,
            sessions::a_session_is_its_tenants_alone,
            sessions::a_token_is_valid_with_its_session_alone,
        }
    };
    ($open:path: $($module:ident::$case:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let (store, _guard) = $open().await;
            $crate::key_contract::$module::$case(store).await;
        }
    )*};
}
pub(crate) use key_contract_cases;
