/* SPDX-License-Identifier: Apache-2.0 */
/* Spam: many strangers who do not answer; friends, answers, bots that may, and people are none. */
#include "threat/stand.h"
#include <unistd.h>

static void contact(struct stand *s, const char *account, const char *peer)
{
    threats_contact(s->threats, &s->scene,
                    &(struct im_contact){ .account = view_string(account),
                                          .peer = view_string(peer),
                                          .display = view_of(NULL, 0),
                                          .group = view_of(NULL, 0) });
}

static void name_of(unsigned n, char out[32])
{
    snprintf(out, 32, "staff%c%c@bank.example", 'a' + n / 26, 'a' + n % 26);
}

/* A stranger writes to `count`; each `nth` answers (0: none); then half an hour passes. */
static unsigned campaign(struct stand *s, const char *from, const char *text, unsigned count, unsigned nth,
                         bool inside)
{
    char to[32];
    for (unsigned i = 0; i < count; i++, stand_wait(s, 20000)) {
        name_of(i, to);
        if (inside)
            say(s, from, to, text);
        else
            hear(s, from, to, text);
        stand_wait(s, 5000);
        if (nth > 0 && i % nth == 0)
            say(s, to, from, "who are you?");
    }
    for (unsigned i = 0; i < 31; i++, stand_wait(s, 60000))
        say(s, "carl@bank.example", "dora@bank.example", "ok"); /* time goes on */
    return s->count;
}

static void test_spam_from_a_stranger(void **state)
{
    struct stand *s = stand_of("spam");
    (void)state;
    assert_int_equal(campaign(s, "win@prize.example", "you have won! http://prize.example/x", 8, 0, false),
                     1);
    assert_int_equal(s->alert[0].id, 4400);
    assert_string_equal(evidence_of(s, 0, "from"), "win@prize.example");
    assert_string_equal(evidence_of(s, 0, "receivers"), "8");
    assert_string_equal(evidence_of(s, 0, "answered"), "0");
    stand_free(s);
    s = stand_of("spam");
    assert_int_equal(campaign(s, "win@prize.example", "cheap watches for you, just ask me", 12, 0, false), 1);
    stand_free(s);
    s = stand_of("spam"); /* one in twelve asks back */
    assert_int_equal(campaign(s, "win@prize.example", "you have won! http://prize.example/x", 24, 12, false),
                     1);
    stand_free(s);
}

static void test_spam_from_ours(void **state)
{
    struct stand *s = stand_of("spam");
    (void)state;
    assert_int_equal(campaign(s, "al@bank.example", "look http://x.example/", 20, 0, true), 1);
    assert_int_equal(s->alert[0].id, 4401);
    stand_free(s);
}

static void test_who_is_answered_is_no_spammer(void **state)
{
    struct stand *s = stand_of("spam");
    (void)state;
    assert_int_equal(campaign(s, "al@bank.example", "happy new year to you all!", 20, 3, true), 0);
    stand_free(s);
}

static void test_few_receivers_are_no_spam(void **state)
{
    struct stand *s = stand_of("spam");
    (void)state;
    assert_int_equal(campaign(s, "boss@bank.example", "join http://meet.example/j/1", 5, 0, true), 0);
    assert_int_equal(campaign(s, "sales@other.example", "our offer: http://other.example/", 5, 0, false), 0);
    stand_free(s);
}

static void test_friends_are_no_strangers(void **state)
{
    struct stand *s = stand_of("spam");
    char to[32];
    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        name_of(i, to);
        if (i % 2 == 0)
            contact(s, to, "news@bank.example");
        else
            contact(s, "news@bank.example", to);
    }
    assert_int_equal(campaign(s, "news@bank.example", "see http://intranet.example/news", 30, 0, true), 0);
    stand_free(s);
}

static void test_different_words_without_links_are_talk(void **state)
{
    static const char *const said[] = { "are you in today?", "the printer is broken", "please call me",
                                        "lunch at noon",     "thanks a lot",          "where is the key",
                                        "see you tomorrow" };
    struct stand *s = stand_of("spam");
    char to[32];
    (void)state;
    for (unsigned i = 0; i < 40; i++, stand_wait(s, 60000)) {
        name_of(i, to);
        say(s, "al@bank.example", to, said[i % 7]);
    }
    assert_int_equal(s->count, 0);
    stand_free(s);
}

static char allowed_path[] = "/tmp/imward-senders-XXXXXX";

static void give_senders(const struct detector *d, struct detector_settings *settings)
{
    (void)d;
    settings->path[0] = allowed_path;
}

static void test_bots_of_the_house_may(void **state)
{
    struct imw_error_info err = { 0 };
    static const char list[] = "# bots\nBuilds@bank.example\n";
    int fd = mkstemp(allowed_path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, list, sizeof list - 1), sizeof list - 1);
    close(fd);
    struct stand *s = stand_try("spam", give_senders, &err);
    unlink(allowed_path);
    assert_non_null(s);
    assert_int_equal(campaign(s, "builds@bank.example", "failed: http://ci.example/1", 30, 0, true), 0);
    assert_int_equal(campaign(s, "other@bank.example", "failed: http://ci.example/1", 30, 0, true), 1);
    stand_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spam_from_a_stranger),
        cmocka_unit_test(test_spam_from_ours),
        cmocka_unit_test(test_who_is_answered_is_no_spammer),
        cmocka_unit_test(test_few_receivers_are_no_spam),
        cmocka_unit_test(test_friends_are_no_strangers),
        cmocka_unit_test(test_different_words_without_links_are_talk),
        cmocka_unit_test(test_bots_of_the_house_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
