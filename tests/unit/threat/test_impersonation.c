/* SPDX-License-Identifier: Apache-2.0 */
/* Impersonation: look-alikes of contacts and of the directory are told of, with both; namesakes are not. */
#include "threat/stand.h"
#include <unistd.h>

static char directory_path[64];

static void give_directory(const struct detector *d, struct detector_settings *s)
{
    (void)d;
    s->path[0] = directory_path;
}

static struct stand *stand_with(const char *directory, struct imw_error_info *err)
{
    snprintf(directory_path, sizeof directory_path, "/tmp/imward-people-XXXXXX");
    int fd = mkstemp(directory_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, directory, strlen(directory)), (ssize_t)strlen(directory));
    close(fd);
    struct stand *s = stand_try("impersonation", give_directory, err);
    unlink(directory_path);
    return s;
}

static void contact(struct stand *s, const char *peer, const char *display)
{
    threats_contact(s->threats, &s->scene,
                    &(struct im_contact){ .account = VIEW("al@im.example"),
                                          .peer = view_string(peer),
                                          .display = view_string(display),
                                          .group = view_of(NULL, 0) });
}

static void message(struct stand *s, const char *from, const char *display)
{
    threats_message(s->threats, &s->scene,
                    &(struct carried_message){ .from = view_string(from),
                                               .to = VIEW("al@im.example"),
                                               .room = view_of(NULL, 0),
                                               .display = view_string(display),
                                               .text = VIEW("can you do me a favour?") });
}

static struct stand *stand_with_contacts(void)
{
    struct stand *s = stand_of("impersonation");
    contact(s, "bob.smith@im.example", "Bob Smith");
    contact(s, "katherine@im.example", "Katherine Jones");
    contact(s, "zoe@im.example", "Zoe");
    contact(s, "bobby@home.example", "Bob Smith"); /* the same person */
    contact(s, "jordan@im.example", "Jordan");
    contact(s, "j0rdan@home.example", "J at home");
    stand_wait(s, 5000);
    return s;
}

static void expect(const char *from, const char *display, unsigned id, enum severity severity)
{
    struct stand *s = stand_with_contacts();
    message(s, from, display);
    message(s, from, display);
    if (s->count != (id != 0) || (id != 0 && s->alert[0].id != id))
        fail_msg("%u alerts, %u, for %s", s->count, s->alert[0].id, from);
    if (id != 0)
        assert_int_equal(s->alert[0].severity, severity);
    stand_free(s);
}

static void test_look_alikes_of_contacts(void **state)
{
    (void)state;
    expect("b0b.smith@im.example", "", 4600, SEVERITY_MEDIUM);
    expect("bob.srnith@im.example", "", 4600, SEVERITY_MEDIUM);
    expect("b\xd0\xbe"
           "b.smith@im.example",
           "", 4600, SEVERITY_MEDIUM);
    expect("x77@im.example", "Bob Smlth", 4600, SEVERITY_MEDIUM);
    expect("x77@im.example", "B0b Smith", 4600, SEVERITY_MEDIUM);
    expect("x77@im.example", "Kath\xd0\xb5rine Jones", 4600, SEVERITY_MEDIUM);
    expect("x77@im.example", "Katherinne Jones", 4600, SEVERITY_LOW);
    expect("x77@im.example", "Katherine Jones", 4601, SEVERITY_LOW);
}

static void test_people_with_names_of_their_own(void **state)
{
    (void)state;
    expect("bob.smith@im.example", "Bob Smith", 0, 0);
    expect("bobby@home.example", "Bob Smith", 0, 0);
    expect("j0rdan@home.example", "", 0, 0); /* odd, but in the list since before */
    expect("bob_smith@other.example", "", 0, 0);
    expect("x77@im.example", "Zoi", 0, 0);
    expect("rob.smith@im.example", "Rob", 0, 0);
    expect("z0e@im.example", "Zoe", 0, 0); /* too short to tell */
    expect("jones@im.example", "Jane Jones", 0, 0);
}

static void test_evidence_names_both(void **state)
{
    struct stand *s = stand_with_contacts();
    (void)state;
    message(s, "b0b.smith@im.example", "Bobby");
    assert_string_equal(evidence_of(s, 0, "account"), "b0b.smith@im.example");
    assert_string_equal(evidence_of(s, 0, "shown_as"), "Bobby");
    assert_string_equal(evidence_of(s, 0, "like"), "bob.smith@im.example");
    assert_string_equal(evidence_of(s, 0, "like_name"), "Bob Smith");
    assert_string_equal(evidence_of(s, 0, "user"), "al@im.example");
    stand_free(s);
}

static void test_an_impostor_who_asks_to_be_added(void **state)
{
    struct stand *s = stand_with_contacts();
    (void)state;
    stand_wait(s, 3600000);
    contact(s, "new.friend@im.example", "New Friend");
    contact(s, "katherine@im.example", "Katherine Jones");
    assert_int_equal(s->count, 0);
    contact(s, "kather1ne@im.example", "");
    assert_int_equal(s->count, 1);
    assert_int_equal(s->alert[0].id, 4600);
    stand_free(s);
}

/* Another user's list says nothing of ours; and who was taken off is none any more. */
static void test_lists_belong_to_their_users(void **state)
{
    struct stand *s = stand_of("impersonation");
    (void)state;
    threats_contact(s->threats, &s->scene,
                    &(struct im_contact){ .account = VIEW("eve@im.example"),
                                          .peer = VIEW("margaret@im.example"),
                                          .display = view_of(NULL, 0),
                                          .group = view_of(NULL, 0) });
    contact(s, "dan@im.example", "Dan");
    contact(s, "william@im.example", "Will");
    threats_contact(s->threats, &s->scene,
                    &(struct im_contact){ .account = VIEW("al@im.example"),
                                          .peer = VIEW("william@im.example"),
                                          .display = view_of(NULL, 0),
                                          .group = view_of(NULL, 0),
                                          .removed = true });
    message(s, "rnargaret@im.example", "");
    message(s, "wi11iam@im.example", "");
    assert_int_equal(s->count, 0);
    stand_free(s);
}

static const char people[] = "# our people\n"
                             "Henrietta Miller <henrietta.miller@bank.example>\n"
                             "cfo.office@bank.example\n"
                             "Oscar Lindqvist\n";

static void expect_directory(const char *from, const char *display, unsigned id, enum severity severity)
{
    struct imw_error_info err = { 0 };
    struct stand *s = stand_with(people, &err);
    if (s == NULL)
        fail_msg("%s", err.text);
    message(s, from, display);
    if (s->count != (id != 0) || (id != 0 && s->alert[0].id != id))
        fail_msg("%u alerts, %u, for %s", s->count, s->alert[0].id, from);
    if (id != 0)
        assert_int_equal(s->alert[0].severity, severity);
    stand_free(s);
}

static void test_the_directory(void **state)
{
    (void)state;
    expect_directory("cf0.office@mail.example", "", 4602, SEVERITY_HIGH);
    expect_directory("x@mail.example", "0scar Lindqvist", 4602, SEVERITY_HIGH);
    expect_directory("henr1ettamiller@mail.example", "", 4602, SEVERITY_HIGH);
    expect_directory("x@mail.example", "Henrietta Miller", 4602, SEVERITY_LOW);
    expect_directory("x@mail.example", "Oscar Lindqvist", 0, 0); /* may be himself: no account is given */
    expect_directory("henrietta.miller@bank.example", "Henrietta Miller", 0, 0);
    expect_directory("henr1etta.miller@bank.example", "", 0,
                     0); /* our own domain gives no such account out */
    expect_directory("oscar.l@mail.example", "Oscar", 0, 0);
}

static void test_a_bad_line_names_file_and_line(void **state)
{
    struct imw_error_info err = { 0 };
    (void)state;
    assert_null(stand_with("Bob Smith\nBob <bob@x\n", &err));
    assert_int_equal(err.line, 2);
    assert_string_equal(err.file, directory_path);
}

/* More users and contacts than there is room for: the oldest go, the newest are judged. */
static void test_the_oldest_contacts_are_forgotten(void **state)
{
    struct stand *s = stand_of("impersonation");
    (void)state;
    for (unsigned i = 0; i < 90000; i++) {
        char user[48], peer[48];
        snprintf(user, sizeof user, "user%u@im.example", i / 9);
        snprintf(peer, sizeof peer, "margaret%u@im.example", i);
        threats_contact(s->threats, &s->scene,
                        &(struct im_contact){ .account = view_string(user),
                                              .peer = view_string(peer),
                                              .display = view_of(NULL, 0),
                                              .group = view_of(NULL, 0) });
        stand_wait(s, 10);
    }
    contact(s, "bob.smith@im.example", "Bob Smith");
    message(s, "b0b.smith@im.example", "");
    assert_int_equal(s->count, 1);
    stand_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look_alikes_of_contacts),
        cmocka_unit_test(test_people_with_names_of_their_own),
        cmocka_unit_test(test_evidence_names_both),
        cmocka_unit_test(test_an_impostor_who_asks_to_be_added),
        cmocka_unit_test(test_lists_belong_to_their_users),
        cmocka_unit_test(test_the_directory),
        cmocka_unit_test(test_a_bad_line_names_file_and_line),
        cmocka_unit_test(test_the_oldest_contacts_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
