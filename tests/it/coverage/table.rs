//! Who may call what.

/// Whom the door lets in; policy of packages apart.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// Anybody, without signing in.
    World,
    /// Whoever has signed in, with the tests that say what he may do there and with whose things.
    SignedIn(&'static [&'static str]),
    /// The same, but not citizens.
    Colleagues(&'static [&'static str]),
    Admin,
    /// As the type's package says: see `records`.
    Records,
}

use Who::{Admin, Colleagues, Records, SignedIn, World};

pub const TABLE: &[(&str, Who)] = &[
    (
        "access_log.export",
        SignedIn(&["nobody_sees_anothers_log_unseen"]),
    ),
    ("access_log.list", SignedIn(&["nobody_sees_anothers_log_unseen"])),
    (
        "access_log.view",
        SignedIn(&[
            "nobody_sees_anothers_log_unseen",
            "pages_and_filters_leave_nothing_out_and_nobody_else_in",
        ]),
    ),
    ("account.create", Admin),
    ("account.list", Admin),
    ("account.list_tokens", Admin),
    ("account.reset_password", Admin),
    ("account.reset_second_factor", Admin),
    ("account.revoke_token", Admin),
    ("account.update", Admin),
    ("account.view", Admin),
    (
        "approval.approve",
        Colleagues(&[
            "nobody_approves_for_himself_in_another_coat",
            "whoever_approves_reaches_the_same_rows",
        ]),
    ),
    (
        "approval.file",
        SignedIn(&["files_that_wait_are_seen_by_the_two"]),
    ),
    (
        "approval.list",
        SignedIn(&[
            "an_act_of_two_persons_is_done_once",
            "nobody_approves_for_himself_in_another_coat",
        ]),
    ),
    (
        "approval.reject",
        Colleagues(&[
            "nobody_approves_for_himself_in_another_coat",
            "whoever_approves_reaches_the_same_rows",
        ]),
    ),
    (
        "approval.view",
        SignedIn(&[
            "an_act_of_two_persons_is_done_once",
            "nobody_approves_for_himself_in_another_coat",
        ]),
    ),
    (
        "approval.withdraw",
        SignedIn(&["an_act_that_fails_leaves_its_approval"]),
    ),
    ("audit.checkpoint", World),
    ("audit.consistency", World),
    ("audit.cosigned", World),
    ("audit.entries", Admin),
    ("audit.inclusion", World),
    ("audit.key", World),
    ("audit.tile", World),
    ("audit.witness", World),
    ("audit.witness_key", World),
    (
        "consent.give",
        SignedIn(&["consent_is_ones_own_and_as_easily_withdrawn"]),
    ),
    (
        "consent.list",
        SignedIn(&["consent_is_ones_own_and_as_easily_withdrawn"]),
    ),
    (
        "consent.withdraw",
        SignedIn(&["consent_is_ones_own_and_as_easily_withdrawn"]),
    ),
    ("decision.check", Colleagues(&[])),
    (
        "decision.evaluate",
        Colleagues(&["only_the_roles_a_model_names_ask_it"]),
    ),
    ("decision.list", Colleagues(&[])),
    ("decision.run_cases", Colleagues(&[])),
    ("decision.try", Colleagues(&[])),
    (
        "decision.view",
        Colleagues(&["versions_count_from_their_days_on"]),
    ),
    (
        "delegation.create",
        Colleagues(&["a_post_is_lent_for_a_while_and_never_passed_on"]),
    ),
    (
        "delegation.list",
        Colleagues(&["a_post_is_lent_for_a_while_and_never_passed_on"]),
    ),
    (
        "delegation.revoke",
        Colleagues(&["a_post_is_lent_for_a_while_and_never_passed_on"]),
    ),
    ("destruction.counts", World),
    (
        "emergency.close",
        Colleagues(&[
            "what_is_opened_shows_all_changes_nothing_and_ends",
            "it_is_for_persons_who_may_and_says_why",
        ]),
    ),
    (
        "emergency.list",
        Colleagues(&[
            "what_is_opened_shows_all_changes_nothing_and_ends",
            "it_is_for_persons_who_may_and_says_why",
        ]),
    ),
    (
        "emergency.open",
        Colleagues(&[
            "what_is_opened_shows_all_changes_nothing_and_ends",
            "it_is_for_persons_who_may_and_says_why",
        ]),
    ),
    (
        "emergency.review",
        Colleagues(&[
            "what_is_opened_shows_all_changes_nothing_and_ends",
            "it_is_for_persons_who_may_and_says_why",
        ]),
    ),
    (
        "emergency.view",
        Colleagues(&[
            "what_is_opened_shows_all_changes_nothing_and_ends",
            "it_is_for_persons_who_may_and_says_why",
        ]),
    ),
    (
        "erasure.approve",
        Colleagues(&["a_person_asks_and_another_approves"]),
    ),
    ("erasure.list", SignedIn(&["a_person_asks_and_another_approves"])),
    (
        "erasure.refuse",
        Colleagues(&["a_person_asks_and_another_approves"]),
    ),
    (
        "erasure.request",
        SignedIn(&["a_person_asks_and_another_approves"]),
    ),
    (
        "evaluation.replay",
        Colleagues(&["evaluations_are_kept_recomputed_and_ones_own"]),
    ),
    (
        "evaluation.view",
        Colleagues(&["evaluations_are_kept_recomputed_and_ones_own"]),
    ),
    ("event.list", Colleagues(&["the_feed_shows_what_may_be_viewed"])),
    ("file.create", SignedIn(&["uploads"])),
    ("file.view", SignedIn(&["strangers"])),
    (
        "hold.approve",
        Colleagues(&["a_hold_by_two_persons_stops_destruction_for_a_time"]),
    ),
    (
        "hold.list",
        Colleagues(&["a_hold_by_two_persons_stops_destruction_for_a_time"]),
    ),
    ("hold.release", Colleagues(&["a_hold_is_released_by_hand"])),
    (
        "hold.request",
        Colleagues(&["a_hold_by_two_persons_stops_destruction_for_a_time"]),
    ),
    (
        "identity.link",
        SignedIn(&["people_come_by_an_upstream_provider"]),
    ),
    (
        "identity.list",
        SignedIn(&["people_come_by_an_upstream_provider"]),
    ),
    (
        "identity.unlink",
        SignedIn(&["people_come_by_an_upstream_provider"]),
    ),
    ("import.cancel", Colleagues(&["strangers"])),
    ("import.errors", Colleagues(&["strangers"])),
    ("import.list", Colleagues(&["strangers"])),
    ("import.start", Records),
    ("import.template", Records),
    ("import.view", Colleagues(&["strangers"])),
    ("job.cancel", Admin),
    ("job.list", Admin),
    ("job.requeue", Admin),
    ("job.view", Admin),
    ("key.close", Admin),
    ("key.destroy", Admin),
    ("oauth.metadata", World),
    ("oauth.token", World),
    (
        "objection.answer",
        Colleagues(&["an_objection_goes_to_the_owner_and_is_answered_in_time"]),
    ),
    (
        "objection.create",
        SignedIn(&["an_objection_goes_to_the_owner_and_is_answered_in_time"]),
    ),
    (
        "objection.list",
        SignedIn(&["an_objection_goes_to_the_owner_and_is_answered_in_time"]),
    ),
    (
        "objection.queue",
        Colleagues(&["an_objection_goes_to_the_owner_and_is_answered_in_time"]),
    ),
    (
        "objection.view",
        SignedIn(&["an_objection_goes_to_the_owner_and_is_answered_in_time"]),
    ),
    ("ogc.api", World),
    ("ogc.collection", Records),
    ("ogc.collections", World),
    ("ogc.conformance", World),
    ("ogc.item", Records),
    ("ogc.items", Records),
    ("ogc.landing", World),
    ("ogc.queryables", Records),
    ("ogc.root", World),
    ("ogc.schema", Records),
    ("ogc.sortables", Records),
    ("package.apply", Admin),
    (
        "package.list",
        Colleagues(&["a_new_package_is_served_at_once_everywhere"]),
    ),
    ("package.plan", Admin),
    ("package.remove", Admin),
    (
        "package.view",
        Colleagues(&["a_new_package_is_served_at_once_everywhere"]),
    ),
    ("passkey.create", SignedIn(&[])),
    ("passkey.list", SignedIn(&[])),
    (
        "passkey.remove",
        SignedIn(&["passkeys_sign_in_and_count_as_both_factors"]),
    ),
    ("passkey.start", SignedIn(&[])),
    ("password.change", SignedIn(&[])),
    (
        "policy.simulate",
        Colleagues(&["whoever_supposes_supposes_himself"]),
    ),
    (
        "post.choose",
        Colleagues(&["an_account_acts_in_one_post_at_a_time"]),
    ),
    ("post.create", Admin),
    ("post.end", Admin),
    ("post.list", Admin),
    (
        "post.mine",
        Colleagues(&["an_account_acts_in_one_post_at_a_time"]),
    ),
    ("post.update", Admin),
    ("post.view", Admin),
    ("record.aggregate", Records),
    ("record.create", Records),
    ("record.delete", Records),
    ("record.export", Records),
    ("record.history", Records),
    ("record.list", Records),
    ("record.transition", Records),
    ("record.update", Records),
    ("record.view", Records),
    ("saved_filter.create", Colleagues(&["strangers"])),
    ("saved_filter.delete", Colleagues(&["strangers"])),
    ("saved_filter.list", Colleagues(&["strangers"])),
    ("service.add_key", Admin),
    ("service.create", Admin),
    ("service.list", Admin),
    ("service.list_keys", Admin),
    ("service.remove_key", Admin),
    ("service.renew_secret", Admin),
    ("session.create", World),
    ("session.delete", SignedIn(&[])),
    ("session.end", SignedIn(&["what_is_anothers_is_not_there"])),
    ("session.end_all", SignedIn(&[])),
    ("session.end_others", SignedIn(&[])),
    (
        "session.list",
        SignedIn(&["sessions_are_listed_and_ended_one_by_one"]),
    ),
    ("session.oidc_callback", World),
    ("session.oidc_start", World),
    ("session.passkey", World),
    ("session.passkey_start", World),
    ("session.second", World),
    ("session.view", SignedIn(&[])),
    ("session.ways", World),
    ("token.create", SignedIn(&[])),
    ("token.list", SignedIn(&[])),
    ("token.revoke", SignedIn(&["what_is_anothers_is_not_there"])),
    ("totp.confirm", SignedIn(&[])),
    ("totp.remove", SignedIn(&[])),
    ("totp.renew_recovery", SignedIn(&[])),
    ("totp.start", SignedIn(&[])),
    ("totp.view", SignedIn(&[])),
    ("citizen.sign_up", World),
    ("party.confirm", SignedIn(&["a_number_is_proved_for_one"])),
    (
        "party.mine",
        SignedIn(&["whoever_signs_up_is_nobody_in_particular"]),
    ),
    (
        "party.register",
        SignedIn(&["clerks_register_representatives_and_guardians"]),
    ),
    ("party_link.agree", SignedIn(&["an_agent_acts_while_both_agree"])),
    ("party_link.ask", SignedIn(&["asking_tells_nothing"])),
    (
        "party_link.grant",
        SignedIn(&["clerks_register_representatives_and_guardians"]),
    ),
    (
        "party_link.list",
        SignedIn(&["an_agent_acts_while_both_agree", "asking_tells_nothing"]),
    ),
    ("party_link.revoke", SignedIn(&["an_agent_acts_while_both_agree"])),
];

/// What leaves no entry, and need not.
pub const SILENT: &[&str] = &[
    "audit.checkpoint",
    "audit.consistency",
    "audit.cosigned",
    "audit.inclusion",
    "audit.key",
    "audit.tile",
    "audit.witness",
    "audit.witness_key",
    "decision.check",
    "decision.list",
    "decision.run_cases",
    "decision.try",
    "decision.view",
    "destruction.counts",
    "import.list",
    "import.template",
    "import.view",
    "ogc.api",
    "ogc.collection",
    "ogc.collections",
    "ogc.conformance",
    "ogc.landing",
    "ogc.queryables",
    "ogc.root",
    "ogc.schema",
    "ogc.sortables",
    "package.list",
    "package.view",
    "saved_filter.list",
    "session.view",
    "session.ways",
];
