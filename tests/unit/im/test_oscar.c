/* SPDX-License-Identifier: Apache-2.0 */
/* OSCAR: sign-on, messages in every form, rendezvous, rooms, and bytes that only look like FLAP. */
#include "build.h"
#include "conversation.h"
#include "im/oscar.h"
#include <stdlib.h>

extern const struct parser parser_oscar;

#define GUID(number) "\x09\x46" number "\x4c\x7f\x11\xd1\x82\x22\x44\x45\x53\x54\x00\x00"
#define HELLO "\x2a\x01\x00\x01\x00\x04\x00\x00\x00\x01"

static uint16_t sequence;

static void put_flap(struct build *b, unsigned channel, const struct build *body)
{
    put8(b, 0x2a);
    put8(b, channel);
    put16(b, sequence++);
    put16(b, (unsigned)body->len);
    put(b, built(body));
}

static void put_snac(struct build *b, unsigned family, unsigned subtype, const struct build *body)
{
    struct build frame = { .len = 0 };

    put16(&frame, family);
    put16(&frame, subtype);
    put16(&frame, 0);
    put32(&frame, 7);
    put(&frame, built(body));
    put_flap(b, 2, &frame);
}

/* The head of an ICBM that the client sends. */
static void put_icbm(struct build *b, unsigned channel, const char *peer)
{
    put_text(b, "COOKIE12");
    put16(b, channel);
    put_block8(b, peer);
}

/* The head of an ICBM that the server hands on, with two TLVs about the sender, one of them of type 5. */
static void put_icbm_in(struct build *b, unsigned channel, const char *peer)
{
    put_icbm(b, channel, peer);
    put16(b, 0);
    put16(b, 2);
    put_tlv(b, 0x01, VIEW("\x00\x10"));
    put_tlv(b, 0x05, VIEW("\x40\x00\x00\x00"));
}

static void put_text_tlv(struct build *b, unsigned charset, struct view text)
{
    struct build fragments = { .len = 0 };

    put(&fragments, VIEW("\x05\x01\x00\x01\x01"));
    put(&fragments, VIEW("\x01\x01"));
    put16(&fragments, (unsigned)text.len + 4);
    put16(&fragments, charset);
    put16(&fragments, 0);
    put(&fragments, text);
    put_tlv(b, 0x02, built(&fragments));
}

static void put_rendezvous(struct build *b, unsigned kind, struct view guid, const struct build *tlvs)
{
    struct build inner = { .len = 0 };

    put16(&inner, kind);
    put_text(&inner, "COOKIE12");
    put(&inner, guid);
    put(&inner, built(tlvs));
    put_tlv(b, 0x05, built(&inner));
}

static void put_file_offer(struct build *tlvs)
{
    put_tlv(tlvs, 0x0a, VIEW("\x00\x01"));
    put_tlv(tlvs, 0x02, VIEW("\x0a\x00\x00\x01"));
    put_tlv(tlvs, 0x03, VIEW("\x0a\x00\x00\x01"));
    put_tlv(tlvs, 0x04, VIEW("\xc6\x33\x64\x07"));
    put_tlv(tlvs, 0x05, VIEW("\x14\x46"));
    put_tlv(tlvs, 0x2711, VIEW("\x00\x01\x00\x01\x00\x00\x30\x39report.xls\0"));
}

/* Run client bytes after a sign-on of the account "tester". */
static void signed_on(struct outcome *out, enum flow_dir from, const struct build *b)
{
    struct build self = { .len = 0 }, name = { .len = 0 };

    put_block8(&name, "tester");
    put_snac(&self, 0x0001, 0x000f, &name);
    struct step steps[] = { SERVER(HELLO), { FROM_SERVER, built(&self) }, { from, built(b) } };
    check_laws(&parser_oscar, steps, 3, out);
    assert_int_equal(out->answer, IM_YES);
}

static int setup(void **state)
{
    *state = malloc(sizeof(struct outcome));
    return *state == NULL;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void test_md5_login_tells_account_client_and_the_server_to_come(void **state)
{
    struct outcome *out = *state;
    struct build client = { .len = 0 }, server = { .len = 0 }, body = { .len = 0 }, login = { .len = 0 };
    struct build reply = { .len = 0 };

    put_tlv(&body, 0x01, VIEW("Alice Jones"));
    put_snac(&client, 0x0017, 0x0006, &body);
    put_tlv(&login, 0x01, VIEW("Alice Jones"));
    put_tlv(&login, 0x25, VIEW("0123456789abcdef"));
    put_tlv(&login, 0x03, VIEW("AOL Instant Messenger, version 5.9.3702/WIN32"));
    put_tlv(&login, 0x17, VIEW("\x00\x05"));
    put_snac(&client, 0x0017, 0x0002, &login);
    put_tlv(&reply, 0x01, VIEW("Alice Jones"));
    put_tlv(&reply, 0x05, VIEW("198.51.100.9:5190"));
    put_tlv(&reply, 0x06, VIEW("cookie"));
    put_snac(&server, 0x0017, 0x0003, &reply);
    struct step steps[] = {
        SERVER(HELLO), CLIENT(HELLO), { FROM_CLIENT, built(&client) }, { FROM_SERVER, built(&server) }
    };
    check_laws(&parser_oscar, steps, 4, out);
    assert_int_equal(out->answer, IM_YES);
    assert_string_equal(out->record.text, "delivery server-proxy\n"
                                          "version AIM\n"
                                          "client AOL Instant Messenger, version 5.9.3702/WIN32\n"
                                          "activity login account=Alice Jones out\n"
                                          "expect tcp 198.51.100.9:5190 login oscar\n");
}

static void test_roasted_login_of_icq_on_channel_1(void **state)
{
    struct outcome *out = *state;
    struct build body = { .len = 0 }, client = { .len = 0 }, reply = { .len = 0 }, server = { .len = 0 };

    put32(&body, 1);
    put_tlv(&body, 0x01, VIEW("123456789"));
    put_tlv(&body, 0x02, VIEW("\xf3\x26\x81"));
    put_tlv(&body, 0x03, VIEW("ICQ Client"));
    put_tlv(&body, 0x17, VIEW("\x00\x06"));
    put_tlv(&body, 0x18, VIEW("\x00\x05"));
    put_tlv(&body, 0x19, VIEW("\x00\x00"));
    put_tlv(&body, 0x1a, VIEW("\x04\x12"));
    put_flap(&client, 1, &body);
    put_tlv(&reply, 0x05, VIEW("198.51.100.9"));
    put_flap(&server, 4, &reply);
    struct step steps[] = { { FROM_CLIENT, built(&client) }, { FROM_SERVER, built(&server) } };
    check_laws(&parser_oscar, steps, 2, out);
    assert_string_equal(out->record.text, "delivery server-proxy\n"
                                          "version ICQ\n"
                                          "client ICQ Client 6.5.0.1042\n"
                                          "activity login account=123456789 out\n"
                                          "expect tcp 198.51.100.9:5000 login oscar\n");
}

static void test_what_is_no_frame_is_malformed(void **state)
{
    struct outcome *out = *state;
    struct build body = { .len = 0 }, client = { .len = 0 };

    put32(&body, 1);
    put_tlv(&body, 0x06, VIEW("secret"));
    put_flap(&client, 1, &body);
    put(&client, VIEW("no frame at all "));
    put(&client, VIEW("\x2a\x05\x00\x09\x00\x00"));
    struct step steps[] = { SERVER(HELLO), { FROM_CLIENT, built(&client) } };
    check_laws(&parser_oscar, steps, 2, out);
    assert_int_equal(recorder_count(&out->record, "anomaly malformed FLAP header"), 1);
}

static void test_cookie_login_gets_its_account_from_the_server(void **state)
{
    struct outcome *out = *state;
    struct build body = { .len = 0 }, client = { .len = 0 }, name = { .len = 0 }, server = { .len = 0 };

    put32(&body, 1);
    put_tlv(&body, 0x06, VIEW("secret"));
    put_flap(&client, 1, &body);
    put_block8(&name, "987654");
    put_snac(&server, 0x0001, 0x000f, &name);
    struct step steps[] = { SERVER(HELLO),
                            { FROM_CLIENT, built(&client) },
                            { FROM_SERVER, built(&server) },
                            { FROM_SERVER, built(&server) },
                            CLIENT("\x2a\x05\x00\x09\x00\x00") };
    check_laws(&parser_oscar, steps, 5, out);
    assert_string_equal(out->record.text, "delivery server-proxy\n"
                                          "activity login\n"
                                          "ticket secret\n"
                                          "version ICQ\n"
                                          "activity login account=987654 out\n"
                                          "activity presence\n");
}

static void test_message_text_in_each_character_set(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 };
    const struct {
        unsigned charset;
        struct view text;
    } said[] = { { 0, VIEW("<b>hi</b>") }, { 2, VIEW("\x04\x16\x00!") }, { 3, VIEW("caf\xe9\x96") } };

    for (size_t i = 0; i < 3; i++) {
        struct build body = { .len = 0 };
        put_icbm(&body, 1, "bob");
        put_text_tlv(&body, said[i].charset, said[i].text);
        put_snac(&b, 0x0004, 0x0006, &body);
    }
    signed_on(out, FROM_CLIENT, &b);
    assert_true(recorder_has(&out->record, "activity chat account=tester peer=bob out html text=<b>hi</b>"));
    assert_true(recorder_has(&out->record, "activity chat account=tester peer=bob out html text=\xd0\x96!"));
    assert_true(recorder_has(&out->record,
                             "activity chat account=tester peer=bob out html text=caf\xc3\xa9\xe2\x80\x93"));
}

static void test_received_message_is_behind_the_tlvs_of_its_sender(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 }, old = { .len = 0 }, icq = { .len = 0 };

    put_icbm_in(&body, 1, "carol");
    put_text_tlv(&body, 0, VIEW("hello"));
    put_snac(&b, 0x0004, 0x0007, &body);
    put_icbm_in(&old, 4, "5551234");
    put_le32(&icq, 5551234);
    put(&icq, VIEW("\x01\x00\x04\x00yes\0"));
    put_tlv(&old, 0x05, built(&icq));
    put_snac(&b, 0x0004, 0x0007, &old);
    signed_on(out, FROM_SERVER, &b);
    assert_true(recorder_has(&out->record, "activity chat account=tester peer=carol in html text=hello"));
    assert_true(recorder_has(&out->record, "activity chat account=tester peer=5551234 in text=yes"));
}

static void test_icq_message_through_the_server_by_rendezvous(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 }, tlvs = { .len = 0 }, data = { .len = 0 };

    put_le16(&data, 27);
    put_zeros(&data, 27);
    put_le16(&data, 14);
    put_zeros(&data, 14);
    put(&data, VIEW("\x01\x00\x00\x00\x01\x00\x06\x00hello\0\0\0\0\0\xff\xff\xff\0"));
    put_tlv(&tlvs, 0x0a, VIEW("\x00\x01"));
    put_tlv(&tlvs, 0x2711, built(&data));
    put_icbm(&body, 2, "5551234");
    put_rendezvous(&body, 0, VIEW(GUID("\x13\x49")), &tlvs);
    put_snac(&b, 0x0004, 0x0006, &body);
    signed_on(out, FROM_CLIENT, &b);
    assert_true(recorder_has(&out->record, "activity chat account=tester peer=5551234 out text=hello"));
    assert_int_equal(recorder_count(&out->record, "delivery server-broker"), 0);
}

static void test_file_offer_names_the_file_and_announces_the_direct_leg(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 }, tlvs = { .len = 0 };

    put_file_offer(&tlvs);
    put_icbm(&body, 2, "bob");
    put_rendezvous(&body, 0, VIEW(GUID("\x13\x43")), &tlvs);
    put_snac(&b, 0x0004, 0x0006, &body);
    signed_on(out, FROM_CLIENT, &b);
    assert_true(
        recorder_has(&out->record, "activity file account=tester peer=bob file=report.xls size=12345 out"));
    assert_true(recorder_has(&out->record, "expect tcp 10.0.0.1:5190 file oft"));
    assert_true(recorder_has(&out->record, "expect tcp 198.51.100.7:5190 file oft"));
    assert_int_equal(recorder_count(&out->record, "expect"), 2);
    assert_int_equal(recorder_count(&out->record, "delivery server-broker"), 1);
    assert_true(
        recorder_has(&out->record,
                     "announce oft 434f4f4b49453132 name=report.xls account=tester peer=bob size=12345 out"));
}

static void test_offer_whose_name_is_utf16_and_offer_again_with_other_addresses(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 }, tlvs = { .len = 0 }, second = { .len = 0 };
    struct build more = { .len = 0 };

    put_tlv(&tlvs, 0x0a, VIEW("\x00\x01"));
    put_tlv(&tlvs, 0x2712, VIEW("unicode-2-0"));
    put_tlv(&tlvs, 0x2711, VIEW("\x00\x02\x00\x03\x00\x00\x00\x09\x04\x16\x00\x01\x00*\0\0"));
    put_icbm_in(&body, 2, "bob");
    put_rendezvous(&body, 0, VIEW(GUID("\x13\x43")), &tlvs);
    put_snac(&b, 0x0004, 0x0007, &body);
    put_tlv(&more, 0x0a, VIEW("\x00\x02"));
    put_tlv(&more, 0x03, VIEW("\x0a\x00\x00\x01"));
    put_tlv(&more, 0x05, VIEW("\x14\x46"));
    put_icbm_in(&second, 2, "bob");
    put_rendezvous(&second, 0, VIEW(GUID("\x13\x43")), &more);
    put_snac(&b, 0x0004, 0x0007, &second);
    signed_on(out, FROM_SERVER, &b);
    assert_true(recorder_has(
        &out->record, "announce oft 434f4f4b49453132 name=\xd0\x96/* account=tester peer=bob size=9 in"));
    assert_int_equal(recorder_count(&out->record, "announce"), 1);
    assert_int_equal(recorder_count(&out->record, "expect"), 1);
}

static void test_direct_im_is_announced(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 }, tlvs = { .len = 0 };

    put_icbm_in(&body, 2, "bob");
    put_rendezvous(&body, 0, VIEW(GUID("\x13\x45")), &tlvs);
    put_snac(&b, 0x0004, 0x0007, &body);
    signed_on(out, FROM_SERVER, &b);
    assert_true(recorder_has(&out->record, "announce oft 434f4f4b49453132 account=tester peer=bob in"));
}

static void put_icq_message(struct build *body, unsigned type, struct view said)
{
    struct build icq = { .len = 0 };

    put_le32(&icq, 5551234);
    put8(&icq, type);
    put8(&icq, 0);
    put_le16(&icq, (unsigned)said.len + 1);
    put(&icq, said);
    put8(&icq, 0);
    put_tlv(body, 0x05, built(&icq));
}

static void test_old_icq_messages_by_their_type(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 };
    const struct {
        unsigned type;
        struct view said;
    } messages[] = { { 0x04, VIEW("look\xfehttp://example.org/") },
                     { 0x06, VIEW("Bob\xfe"
                                  "B\xfe"
                                  "C\xfe"
                                  "bc@example.org\xfe"
                                  "1\xfelet me in, caf\xe9") },
                     { 0x0c, VIEW("Bob\xfe"
                                  "B\xfe"
                                  "C\xfe"
                                  "bc@example.org") },
                     { 0x13, VIEW("2\xfe"
                                  "111\xfe"
                                  "Ann\xfe"
                                  "222\xfe"
                                  "Eve\xfe") },
                     { 0x99, VIEW("not known") } };

    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct build body = { .len = 0 };
        put_icbm_in(&body, 4, "5551234");
        put_icq_message(&body, messages[i].type, messages[i].said);
        put_snac(&b, 0x0004, 0x0007, &body);
    }
    signed_on(out, FROM_SERVER, &b);
    assert_string_equal(strstr(out->record.text, "activity chat"),
                        "activity chat account=tester peer=5551234 in text=look?http://example.org/\n"
                        "activity chat account=tester peer=5551234 in text=let me in, caf\xc3\xa9\n"
                        "contact account=tester peer=5551234 display=Bob\n"
                        "activity chat account=tester peer=5551234 in text=2?111?Ann?222?Eve\n");
}

static void test_rtf_between_clients_of_icq(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 }, tlvs = { .len = 0 }, data = { .len = 0 };

    put_le16(&data, 27);
    put_zeros(&data, 27);
    put_le16(&data, 14);
    put_zeros(&data, 14);
    put(&data, VIEW("\x01\x00\x00\x00\x01\x00\x10\x00{\\rtf1 {\\b hi}}\0"));
    put_tlv(&tlvs, 0x2711, built(&data));
    put_icbm_in(&body, 2, "5551234");
    put_rendezvous(&body, 0, VIEW(GUID("\x13\x49")), &tlvs);
    put_snac(&b, 0x0004, 0x0007, &body);
    signed_on(out, FROM_SERVER, &b);
    assert_true(recorder_has(&out->record,
                             "activity chat account=tester peer=5551234 in rtf text={\\rtf1 {\\b hi}}"));
}

static void test_message_between_numbers_is_plain_unless_it_has_tags(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, plain = { .len = 0 }, tagged = { .len = 0 };

    put_icbm(&plain, 1, "5551234");
    put_text_tlv(&plain, 0, VIEW("1 &lt; 2"));
    put_snac(&b, 0x0004, 0x0006, &plain);
    put_icbm(&tagged, 1, "5551234");
    put_text_tlv(&tagged, 0, VIEW("<HTML>1 &lt; 2</HTML>"));
    put_snac(&b, 0x0004, 0x0006, &tagged);
    signed_on(out, FROM_CLIENT, &b);
    assert_true(recorder_has(&out->record, "activity chat account=tester peer=5551234 out text=1 &lt; 2"));
    assert_true(recorder_has(
        &out->record, "activity chat account=tester peer=5551234 out html text=<HTML>1 &lt; 2</HTML>"));
}

static void test_message_that_waited_has_its_time(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 };

    put_icbm_in(&body, 1, "carol");
    put_text_tlv(&body, 0, VIEW("old"));
    put_tlv(&body, 0x06, view_of(NULL, 0));
    put_tlv(&body, 0x16, VIEW("\x3f\xf4\xdf\x60"));
    put_snac(&b, 0x0004, 0x0007, &body);
    signed_on(out, FROM_SERVER, &b);
    assert_true(recorder_has(
        &out->record, "activity chat account=tester peer=carol sent=1073012576000000 in html text=old"));
}

static void test_own_words_come_back_from_the_room(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 }, who = { .len = 0 }, said = { .len = 0 };

    put_text(&body, "COOKIE12");
    put16(&body, 3);
    put_block8(&who, "Tes Ter");
    put_tlv(&body, 0x03, built(&who));
    put_tlv(&said, 0x01, VIEW("hi"));
    put_tlv(&body, 0x05, built(&said));
    put_snac(&b, 0x000e, 0x0006, &body);
    signed_on(out, FROM_SERVER, &b);
    assert_true(
        recorder_has(&out->record, "activity chat account=tester peer=Tes Ter in again html text=hi"));
}

static void put_item(struct build *b, const char *name, unsigned group, unsigned type, const char *alias)
{
    struct build tlvs = { .len = 0 };

    if (alias[0] != '\0')
        put_tlv(&tlvs, 0x131, view_string(alias));
    put16(b, (unsigned)strlen(name));
    put_text(b, name);
    put16(b, group);
    put16(b, 7);
    put16(b, type);
    put16(b, (unsigned)tlvs.len);
    put(b, built(&tlvs));
}

static void test_buddy_list_kept_by_the_server(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, list = { .len = 0 }, added = { .len = 0 }, gone = { .len = 0 };

    put8(&list, 0);
    put16(&list, 5);
    put_item(&list, "bob", 2, 0, "Bobby");
    put_item(&list, "", 0, 1, "");
    put_item(&list, "Desk", 2, 1, "");
    put_item(&list, "mallory", 0, 3, "");
    put_item(&list, "setting", 0, 4, "");
    put32(&list, 1067000000);
    put_snac(&b, 0x0013, 0x0006, &list);
    put_item(&added, "carol", 2, 0, "");
    put_snac(&b, 0x0013, 0x0008, &added);
    put_item(&gone, "bob", 2, 0, "");
    put_snac(&b, 0x0013, 0x000a, &gone);
    signed_on(out, FROM_SERVER, &b);
    assert_string_equal(strstr(out->record.text, "contact"),
                        "contact account=tester peer=bob display=Bobby group=Desk\n"
                        "contact account=tester peer=mallory removed\n"
                        "contact account=tester peer=carol\n"
                        "contact account=tester peer=bob removed\n");
}

static void test_old_buddy_list_of_the_client(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 };

    put_block8(&body, "bob");
    put_block8(&body, "carol");
    put_snac(&b, 0x0003, 0x0004, &body);
    put_snac(&b, 0x0003, 0x0005, &body);
    signed_on(out, FROM_CLIENT, &b);
    assert_true(recorder_has(&out->record, "contact account=tester peer=carol"));
    assert_true(recorder_has(&out->record, "contact account=tester peer=bob removed"));
    assert_int_equal(recorder_count(&out->record, "contact"), 4);
}

static void put_user(struct build *b, const char *name, unsigned class, struct view status)
{
    put_block8(b, name);
    put16(b, 0);
    put16(b, status.len > 0 ? 2 : 1);
    put16(b, 1);
    put16(b, 2);
    put16(b, class);
    if (status.len > 0)
        put_tlv(b, 0x06, status);
}

static void test_who_comes_and_goes(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, came = { .len = 0 }, went = { .len = 0 };

    put_user(&came, "bob", 0x10, view_of(NULL, 0));
    put_user(&came, "carol", 0x30, view_of(NULL, 0));
    put_user(&came, "5551234", 0x50, VIEW("\x00\x00\x00\x13"));
    put_snac(&b, 0x0003, 0x000b, &came);
    put_user(&went, "bob", 0, view_of(NULL, 0));
    put_snac(&b, 0x0003, 0x000c, &went);
    signed_on(out, FROM_SERVER, &b);
    assert_string_equal(strstr(out->record.text, "activity presence"),
                        "activity presence\n"
                        "contact account=tester peer=bob online\n"
                        "contact account=tester peer=carol away\n"
                        "contact account=tester peer=5551234 busy\n"
                        "activity presence\n"
                        "contact account=tester peer=bob offline\n");
}

static void test_why_somebody_wants_onto_the_list(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 };

    put_block8(&body, "5551234");
    put16(&body, 9);
    put_text(&body, "let me in");
    put16(&body, 0);
    put_snac(&b, 0x0013, 0x0018, &body);
    signed_on(out, FROM_CLIENT, &b);
    assert_true(recorder_has(&out->record, "activity chat account=tester peer=5551234 out text=let me in"));
}

static void test_proxied_file_offer_has_no_direct_leg(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 }, tlvs = { .len = 0 };

    put_file_offer(&tlvs);
    put_tlv(&tlvs, 0x10, view_of(NULL, 0));
    put_icbm_in(&body, 2, "bob");
    put_rendezvous(&body, 0, VIEW(GUID("\x13\x43")), &tlvs);
    put_snac(&b, 0x0004, 0x0007, &body);
    signed_on(out, FROM_SERVER, &b);
    assert_true(
        recorder_has(&out->record, "activity file account=tester peer=bob file=report.xls size=12345 in"));
    assert_int_equal(recorder_count(&out->record, "expect"), 0);
    assert_int_equal(recorder_count(&out->record, "delivery server-broker"), 0);
}

static void test_accepted_and_cancelled_rendezvous_tell_nothing(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, tlvs = { .len = 0 };

    put_file_offer(&tlvs);
    for (unsigned kind = 1; kind <= 2; kind++) {
        struct build body = { .len = 0 };
        put_icbm(&body, 2, "bob");
        put_rendezvous(&body, kind, VIEW(GUID("\x13\x43")), &tlvs);
        put_snac(&b, 0x0004, 0x0006, &body);
    }
    signed_on(out, FROM_CLIENT, &b);
    assert_int_equal(recorder_count(&out->record, "activity file"), 0);
}

static void test_talk_direct_im_and_room_invitation(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, talk = { .len = 0 }, direct = { .len = 0 }, room = { .len = 0 };
    struct build where = { .len = 0 }, invitation = { .len = 0 };

    put_tlv(&where, 0x03, VIEW("\xc0\xa8\x01\x02"));
    put_tlv(&where, 0x05, VIEW("\x14\x46"));
    put_icbm(&talk, 2, "bob");
    put_rendezvous(&talk, 0, VIEW(GUID("\x13\x41")), &where);
    put_snac(&b, 0x0004, 0x0006, &talk);
    put_icbm(&direct, 2, "bob");
    put_rendezvous(&direct, 0, VIEW(GUID("\x13\x45")), &where);
    put_snac(&b, 0x0004, 0x0006, &direct);
    put_tlv(&invitation, 0x0c, VIEW("join us"));
    put_tlv(&invitation, 0x2711,
            VIEW("\x00\x04\x08"
                 "4-0-room\x00\x00"));
    put_icbm(&room, 2, "bob");
    put_rendezvous(&room, 0, VIEW("\x74\x8f\x24\x20\x62\x87\x11\xd1\x82\x22\x44\x45\x53\x54\x00\x00"),
                   &invitation);
    put_snac(&b, 0x0004, 0x0006, &room);
    signed_on(out, FROM_CLIENT, &b);
    assert_true(recorder_has(&out->record, "activity call account=tester peer=bob out"));
    assert_true(recorder_has(&out->record, "expect any 192.168.1.2:5190 call unknown"));
    assert_true(recorder_has(&out->record, "activity chat account=tester peer=bob out"));
    assert_true(recorder_has(&out->record, "expect tcp 192.168.1.2:5190 chat odc"));
    assert_true(recorder_has(&out->record,
                             "activity chat account=tester peer=bob room=4-0-room out html text=join us"));
}

static void test_room_messages_carry_the_room(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, info = { .len = 0 }, body = { .len = 0 }, who = { .len = 0 },
                 said = { .len = 0 };

    put16(&info, 4);
    put_block8(&info, "!aol://2719:10-4-tea");
    put(&info, VIEW("\x00\x00\x02\x00\x01"));
    put_tlv(&info, 0xd3, VIEW("tea"));
    put_snac(&b, 0x000e, 0x0002, &info);
    put_text(&body, "COOKIE12");
    put16(&body, 3);
    put_block8(&who, "carol");
    put_zeros(&who, 4);
    put_tlv(&body, 0x03, built(&who));
    put_tlv(&said, 0x02, VIEW("unicode-2-0"));
    put_tlv(&said, 0x01, VIEW("\x00h\x00i"));
    put_tlv(&body, 0x05, built(&said));
    put_snac(&b, 0x000e, 0x0006, &body);
    signed_on(out, FROM_SERVER, &b);
    assert_true(
        recorder_has(&out->record, "activity chat account=tester peer=carol room=tea in html text=hi"));
}

static void test_offline_message_of_icq(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, chunk = { .len = 0 }, body = { .len = 0 };

    put_le16(&chunk, 30);
    put_le32(&chunk, 111222);
    put_le16(&chunk, 0x41);
    put_le16(&chunk, 2);
    put_le32(&chunk, 333444);
    put(&chunk, VIEW("\xd4\x07\x01\x02\x03\x04\x01\x00\x06\x00later\0"));
    put_tlv(&body, 0x01, built(&chunk));
    put_snac(&b, 0x0015, 0x0003, &body);
    signed_on(out, FROM_SERVER, &b);
    assert_true(recorder_has(&out->record,
                             "activity chat account=tester peer=333444 sent=1073012640000000 in text=later"));
}

static void test_redirect_to_a_room_server(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 }, named = { .len = 0 };

    put_tlv(&body, 0x0d, VIEW("\x00\x0e"));
    put_tlv(&body, 0x05, VIEW("198.51.100.20:443"));
    put_snac(&b, 0x0001, 0x0005, &body);
    put_tlv(&named, 0x05, VIEW("bos.example.org:443"));
    put_snac(&b, 0x0001, 0x0005, &named);
    signed_on(out, FROM_SERVER, &b);
    assert_true(recorder_has(&out->record, "expect tcp 198.51.100.20:443 chat oscar"));
    assert_int_equal(recorder_count(&out->record, "expect"), 1);
}

static void test_snac_of_the_wrong_side_is_not_read(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 };

    put_icbm(&body, 1, "bob");
    put_text_tlv(&body, 0, VIEW("hi"));
    put_snac(&b, 0x0004, 0x0006, &body);
    signed_on(out, FROM_SERVER, &b);
    assert_int_equal(recorder_count(&out->record, "activity chat"), 0);
}

static void test_frame_over_the_limit_is_skipped_and_the_next_is_read(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, long_body = { .len = 0 }, body = { .len = 0 };

    put_zeros(&long_body, PARSER_MESSAGE_BYTES);
    put_flap(&b, 2, &long_body);
    put_icbm(&body, 1, "bob");
    put_text_tlv(&body, 0, VIEW("after"));
    put_snac(&b, 0x0004, 0x0006, &body);
    struct step steps[] = { CLIENT(HELLO), { FROM_CLIENT, built(&b) } };
    converse(&parser_oscar, steps, 2, out);
    assert_true(recorder_has(&out->record, "activity chat peer=bob out html text=after"));
}

static void test_bytes_between_frames_and_a_gap_are_survived(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, body = { .len = 0 };
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };

    put_text(&b, "junk*\x02 in between");
    put_icbm(&body, 1, "bob");
    put_text_tlv(&body, 0, VIEW("found"));
    put_snac(&b, 0x0004, 0x0006, &body);
    signed_on(out, FROM_CLIENT, &b);
    assert_true(recorder_has(&out->record, "activity chat account=tester peer=bob out html text=found"));

    recorder_init(&out->record);
    assert_true(parser_oscar.gap(memory, NULL, FROM_CLIENT, 100));
    size_t used = parser_oscar.feed(memory, recorder_session(&out->record), FROM_CLIENT, built(&b));
    assert_int_equal(used, b.len);
    assert_true(recorder_has(&out->record, "activity chat peer=bob out html text=found"));
}

static enum im_answer probe_midstream(struct view client, struct view server, struct finding *out)
{
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { client, server } };

    memset(out, 0, sizeof *out);
    return parser_oscar.probe(&s, out);
}

static void test_midstream_is_known_by_a_data_frame_and_by_who_may_send_it(void **state)
{
    struct build b = { .len = 0 }, body = { .len = 0 };
    struct finding finding;

    (void)state;
    put_text(&b, "tail of a frame");
    put_icbm(&body, 1, "bob");
    put_text_tlv(&body, 0, VIEW("hi"));
    put_snac(&b, 0x0004, 0x0006, &body);
    struct view nothing = view_of(NULL, 0);
    assert_int_equal(probe_midstream(built(&b), nothing, &finding), IM_YES);
    assert_false(finding.reversed);
    assert_string_equal(finding.value, "FLAP with SNAC 0004/0006");
    assert_int_equal(probe_midstream(nothing, built(&b), &finding), IM_YES);
    assert_true(finding.reversed);
    assert_int_equal(probe_midstream(view_slice(built(&b), 0, 24), nothing, &finding), IM_MORE);
    assert_int_equal(probe_bytes(&parser_oscar, built(&b)), IM_NO);
}

static void test_what_only_looks_like_flap_is_refused(void **state)
{
    const struct view decoys[] = {
        VIEW("* OK IMAP4rev1 ready\r\n"),
        VIEW("*1\r\n$4\r\nPING\r\n"),
        VIEW("\x2a\x02\x00\x01\x00\x0a\x00\x04\x00\x06\x00\x00\x00\x00\x00\x01"), /* a stream begins on
                                                                                     channel 1 */
        VIEW("\x2a\x01\x00\x01\x00\x04\x00\x00\x00\x02"),
        VIEW("\x2a\x01\x00\x01\x00\x03\x00\x00\x00\x01"),
        VIEW("\x2a\x01\x00\x01\xff\xff\x00\x00\x00\x01"),
        VIEW("GET / HTTP/1.1\r\nX-FLAP: *\x01\r\n\r\n"),
    };
    struct finding finding;
    uint8_t noise[SAMPLE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof decoys / sizeof decoys[0]; i++)
        assert_int_equal(probe_bytes(&parser_oscar, decoys[i]), IM_NO);
    assert_int_equal(probe_bytes(&parser_oscar, VIEW("\x2a\x01\x00\x01\x00\x04\x00\x00\x00")), IM_MORE);
    for (unsigned run = 0; run < 200; run++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)(random() % 5 == 0 ? 0x2a : random());
        assert_int_not_equal(probe_midstream(view_of(noise, 256), view_of(NULL, 0), &finding), IM_YES);
    }
}

static void test_family_or_flag_that_does_not_exist_is_no_data_frame(void **state)
{
    struct finding finding;
    struct view nothing = view_of(NULL, 0);

    (void)state;
    assert_int_equal(probe_midstream(VIEW("\x2a\x02\x00\x01\x00\x0a\x00\x04\x00\x06\x80\x00\x00\x00\x00\x01"),
                                     nothing, &finding),
                     IM_YES);
    assert_int_equal(probe_midstream(VIEW("\x2a\x02\x00\x01\x00\x0a\x00\x12\x00\x06\x00\x00\x00\x00\x00\x01"),
                                     nothing, &finding),
                     IM_MORE);
    assert_int_equal(probe_midstream(VIEW("\x2a\x02\x00\x01\x00\x0a\x00\x04\x00\x06\x40\x00\x00\x00\x00\x01"),
                                     nothing, &finding),
                     IM_MORE);
    assert_int_equal(probe_midstream(VIEW("\x2a\x02\x00\x01\x00\x09\x00\x04\x00\x06\x00\x00\x00\x00\x00\x01"),
                                     nothing, &finding),
                     IM_MORE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_md5_login_tells_account_client_and_the_server_to_come),
        TEST(test_roasted_login_of_icq_on_channel_1),
        TEST(test_what_is_no_frame_is_malformed),
        TEST(test_cookie_login_gets_its_account_from_the_server),
        TEST(test_message_text_in_each_character_set),
        TEST(test_received_message_is_behind_the_tlvs_of_its_sender),
        TEST(test_icq_message_through_the_server_by_rendezvous),
        TEST(test_file_offer_names_the_file_and_announces_the_direct_leg),
        TEST(test_offer_whose_name_is_utf16_and_offer_again_with_other_addresses),
        TEST(test_direct_im_is_announced),
        TEST(test_old_icq_messages_by_their_type),
        TEST(test_rtf_between_clients_of_icq),
        TEST(test_message_between_numbers_is_plain_unless_it_has_tags),
        TEST(test_message_that_waited_has_its_time),
        TEST(test_own_words_come_back_from_the_room),
        TEST(test_buddy_list_kept_by_the_server),
        TEST(test_old_buddy_list_of_the_client),
        TEST(test_who_comes_and_goes),
        TEST(test_why_somebody_wants_onto_the_list),
        TEST(test_proxied_file_offer_has_no_direct_leg),
        TEST(test_accepted_and_cancelled_rendezvous_tell_nothing),
        TEST(test_talk_direct_im_and_room_invitation),
        TEST(test_room_messages_carry_the_room),
        TEST(test_offline_message_of_icq),
        TEST(test_redirect_to_a_room_server),
        TEST(test_snac_of_the_wrong_side_is_not_read),
        TEST(test_frame_over_the_limit_is_skipped_and_the_next_is_read),
        TEST(test_bytes_between_frames_and_a_gap_are_survived),
        TEST(test_midstream_is_known_by_a_data_frame_and_by_who_may_send_it),
        TEST(test_what_only_looks_like_flap_is_refused),
        TEST(test_family_or_flag_that_does_not_exist_is_no_data_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
