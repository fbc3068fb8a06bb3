//! Runs the conformance suite on every database that the store can use. A database joins by implementing
//! `suite::Backend` and adding one line at the end.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod suite;

use std::path::PathBuf;
use std::sync::Arc;

use flyball_core::Clock;
use flyball_store::{Store, Writer};
use suite::Backend;

/// SQLite in a folder of its own.
struct Sqlite {
    folder: tempfile::TempDir,
}

impl Backend for Sqlite {
    fn fresh() -> Self {
        Sqlite { folder: tempfile::tempdir().unwrap() }
    }

    async fn open(&self, clock: Arc<dyn Clock>) -> (Store, Writer) {
        let data: PathBuf = self.folder.path().join("data");
        Store::open(&data, clock).await.unwrap()
    }
}

macro_rules! conformance {
    ($backend:ty, $module:ident: $($area:ident::$behaviour:ident,)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    crate::suite::$area::$behaviour::<$backend>().await;
                }
            )*
        }
    };
}

macro_rules! on {
    ($backend:ty, $module:ident) => {
        conformance! {
            $backend, $module:
            tenants::a_tenant_is_created_once_and_listed_by_name,
            tenants::everything_survives_reopening,
            tenants::a_closed_store_answers_closed,
            tenants::closing_completes_the_writes_that_wait,
            tenants::one_failing_write_does_not_spoil_others_of_its_batch,
            tenants::a_store_whose_writer_is_gone_is_closed,
            tenants::dropping_every_handle_ends_the_writer_after_the_writes_that_wait,
            keys::a_tenant_sees_only_its_own_keys,
            keys::another_tenants_key_is_revoked_like_one_that_does_not_exist,
            keys::a_revoked_key_keeps_the_time_of_its_first_revocation,
            keys::a_key_of_an_unknown_tenant_is_refused,
            keys::a_fingerprint_belongs_to_one_key,
            keys::every_field_of_a_key_comes_back,
            keys::only_keys_that_may_be_used_are_live,
            keys::a_key_gives_its_principal,
            policies::a_policy_version_is_noted_once_and_kept_to_the_byte,
            policies::a_document_that_is_no_json_is_refused,
            counting::a_new_store_has_counted_nothing,
            counting::a_batch_counts_once_however_often_it_is_offered,
            counting::a_batch_that_leaves_a_gap_is_refused,
            counting::sums_and_cursor_survive_reopening_together,
            counting::of_many_who_offer_the_same_stretch_one_is_taken,
            counting::end_users_beyond_the_bound_are_counted_together,
            counting::lists_of_tags_beyond_the_bound_are_counted_together,
            counting::absurd_amounts_are_capped,
            usage::a_report_includes_what_was_applied_before_it,
            usage::a_tenant_sees_only_its_own_usage,
            usage::days_are_those_of_the_settlement_and_both_ends_count,
            usage::outcomes_and_countings_are_counted_apart,
            usage::an_exchange_with_several_tags_is_counted_once_in_the_whole,
            usage::filters_leave_out_what_differs,
            usage::the_days_on_which_clocks_change_have_23_and_25_hours,
            usage::a_report_that_is_too_long_is_refused,
            usage::any_grouping_sums_to_the_settlements,
        }
    };
}

on!(super::Sqlite, sqlite);
