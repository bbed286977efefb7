"""Stores for the contract suites: each test of them is one of the store in memory, of SQLite's, and of PostgreSQL's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.memory_store import MemoryDisk, open_memory_store
from tests.support.postgresql import cluster
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from typing import TypeAlias

    from trio_chat.store.base import Store

    OpenStore: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]

NOT_YET = frozenset(
    {
        "test_a_blob_is_gone_with_the_last_that_has_it",
        "test_a_deleted_message_and_its_edits_have_no_text_in_any_read",
        "test_a_direct_room_has_two_members_and_no_owner",
        "test_a_file_is_forwarded_without_its_bytes_and_outlives_its_first_message",
        "test_a_key_for_files_is_its_devices_and_goes_with_the_token",
        "test_a_listing_has_the_newest_message_with_its_newest_edit",
        "test_a_message_deleted_in_the_commit_that_writes_it_has_no_text",
        "test_a_message_has_its_files_in_their_order_and_each_upload_is_sent_once",
        "test_a_message_that_is_deleted_in_the_batch_in_which_it_came_leaves_nothing",
        "test_a_name_is_taken_only_once",
        "test_a_person_has_few_uploads_that_are_in_no_message",
        "test_a_person_is_found_by_the_hash_of_any_of_their_tokens",
        "test_a_person_is_found_by_the_hash_of_their_token",
        "test_a_personal_room_has_the_newest_event_of_each_change_key",
        "test_a_picture_is_kept_as_long_as_somebody_has_it",
        "test_a_profile_is_changed_in_part",
        "test_a_receipt_has_the_time_when_the_read_marker_first_reached_the_message",
        "test_a_refused_name_does_not_spoil_the_appends_in_its_commit",
        "test_a_repeat_of_a_command_is_answered_with_the_upload_as_it_is_now",
        "test_a_repeat_of_a_message_with_files_is_its_repeat_for_good",
        "test_a_search_does_not_find_what_was_deleted",
        "test_a_search_finds_messages_as_events_with_their_text_of_now",
        "test_an_edit_leaves_the_files_of_a_message",
        "test_an_event_is_found_by_its_command",
        "test_an_upload_beyond_a_limit_is_refused_with_the_figures",
        "test_an_upload_is_what_was_said_then_finished_then_sent",
        "test_an_upload_of_what_is_gone_but_still_there_takes_the_note_back",
        "test_changes_of_a_message_are_the_newest_event_of_each_change_key",
        "test_changes_of_many_messages_are_of_the_first_of_them",
        "test_deleting_a_message_takes_no_file_of_its_neighbours",
        "test_everybody_is_mentioned_once_a_minute_by_a_person_and_a_repeat_is_its_repeat",
        "test_lobby_messages_from_before_a_person_registered_are_not_unread",
        "test_nobody_sends_what_is_not_theirs_not_finished_or_of_another_room",
        "test_of_many_names_that_somebody_gave_up_the_latest_are_kept",
        "test_of_two_names_that_look_alike_the_first_is_taken",
        "test_quotas_are_exact_under_ten_uploads_at_once",
        "test_reactions_are_counted_with_who_gave_the_first_of_them",
        "test_read_markers_never_go_back_and_what_is_read_is_delivered",
        "test_renaming_takes_the_new_name_and_frees_the_old_one_later",
        "test_renaming_to_a_taken_name_changes_nothing",
        "test_renaming_to_another_form_of_the_same_name_is_allowed",
        "test_rooms_are_listed_by_their_newest_event_after_the_lobby",
        "test_several_moves_of_a_read_marker_in_one_call_are_one_move",
        "test_single_events_are_read_in_order_and_missing_numbers_are_left_out",
        "test_the_directory_lists_public_rooms_by_their_newest_event",
        "test_the_last_moves_of_a_read_marker_are_kept",
        "test_the_lobby_is_in_everybodys_list_even_if_nobody_wrote_to_it",
        "test_the_repeat_of_a_deleted_message_is_a_repeat",
        "test_the_rules_see_earlier_drafts_of_the_same_append",
        "test_unread_are_messages_by_others_after_the_read_marker_that_were_not_deleted",
        "test_uploads_that_were_not_sent_expire_the_oldest_first",
        "test_versions_are_the_message_and_all_its_edits",
        "test_what_counts_is_what_there_is_at_each_moment",
        "test_what_is_not_there_or_too_much_is_not_forwarded",
        "test_what_was_cancelled_is_not_finished_and_its_id_is_free",
        "test_what_was_left_undone_keeps_nobody_from_trying_again",
        "test_while_space_is_low_nothing_is_uploaded_and_messages_go_on",
        "test_who_gave_a_name_up_can_take_it_back",
        "test_who_is_banned_from_the_server_keeps_nothing_that_was_not_sent",
        "test_whoever_wants_to_know_is_told_after_the_commit_that_something_is_gone",
        "test_whom_an_edit_mentions_counts_and_whom_it_no_longer_mentions_does_not",
    }
)
"""Tests of the contract that PostgreSQL's store does not pass yet."""


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database of PostgreSQL."""
    if request.node.originalname in NOT_YET:
        pytest.skip("PostgreSQL's store does not have this yet")
    with cluster().database() as url:
        yield url


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OpenStore:
    """Opens a store; each time on the same data."""
    match request.param:
        case "memory":
            return partial(open_memory_store, MemoryDisk())
        case "sqlite":
            return partial(open_sqlite_store, tmp_path_factory.mktemp("data") / "chat.db", synchronous="OFF")
        case _:
            return partial(open_postgresql_store, request.getfixturevalue("database"))


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store() as store:
        yield store
