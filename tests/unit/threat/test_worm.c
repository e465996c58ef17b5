/* SPDX-License-Identifier: Apache-2.0 */
/* Worms: outbreaks of 500 accounts are told of before the tenth victim, an hour of chat is not. */
#include "threat/stand.h"

enum { ACCOUNTS = 500, BUDDIES = 20, SENDS = 20000 };

/* ---- an outbreak, as a queue of messages in the order of time ---- */

struct send {
    uint64_t at_ms;
    unsigned from, to;
};

struct outbreak {
    unsigned pause_ms, think_ms; /* between two messages; until a receiver opens the lure, on average */
    unsigned falls_percent;      /* of receivers */
    const char *form;            /* text with @: the receiver's name, #: a number */
    bool file, both_legs, noise;
    unsigned victims, victims_at_alert, alerts;
};

static unsigned draw(uint64_t *seed, unsigned below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*seed >> 33) % below;
}

static void note_alert(struct stand *s)
{
    struct outbreak *o = s->context;
    if (o->alerts++ == 0)
        o->victims_at_alert = o->victims;
}

static int earlier(const void *a, const void *b)
{
    const struct send *x = a, *y = b;
    return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

/* Names that differ in letters, as people's do: "user" and two letters each. */
static void name_of(unsigned n, char out[32])
{
    snprintf(out, 32, "%c%cu%c%c@im.example", 'a' + n % 26, 'a' + n / 26 % 26, 'k' + n % 7, 'a' + n % 5);
}

/* `form` with the name for @ and the number for #. */
static void fill(const char *form, const char *name, unsigned number, char *out, size_t size)
{
    struct text text = text_over(out, size);
    for (; *form != '\0'; form++) {
        if (*form == '@')
            text_string(&text, name);
        else if (*form == '#')
            text_decimal(&text, number);
        else
            text_char(&text, *form);
    }
}

/* Plan it whole (who infects whom when), then play it. Victims are receivers who have sent it on. */
static void play(struct outbreak *o, uint64_t seed)
{
    static struct send sends[SENDS];
    static unsigned buddies[ACCOUNTS][BUDDIES];
    uint64_t starts_ms[ACCOUNTS];
    bool sent_on[ACCOUNTS] = { false };
    unsigned count = 0;
    struct stand *s = stand_of("worm");

    s->check = note_alert;
    s->context = o;
    for (unsigned a = 0; a < ACCOUNTS; a++) {
        starts_ms[a] = UINT64_MAX;
        for (unsigned b = 0; b < BUDDIES; b++)
            buddies[a][b] = (a + 1 + draw(&seed, b < 15 ? 40 : ACCOUNTS - 1)) % ACCOUNTS; /* mostly near */
    }
    starts_ms[0] = 1000;
    bool done[ACCOUNTS] = { false };
    for (;;) { /* the next account that begins to send */
        unsigned who = ACCOUNTS;
        for (unsigned a = 0; a < ACCOUNTS; a++)
            if (!done[a] && starts_ms[a] != UINT64_MAX && (who == ACCOUNTS || starts_ms[a] < starts_ms[who]))
                who = a;
        if (who == ACCOUNTS)
            break;
        done[who] = true;
        for (unsigned b = 0; b < BUDDIES && count < SENDS; b++) {
            unsigned to = buddies[who][b];
            uint64_t at = starts_ms[who] + b * (uint64_t)o->pause_ms;
            sends[count++] = (struct send){ at, who, to };
            uint64_t open = at + 200 + draw(&seed, 2 * o->think_ms);
            if (!done[to] && draw(&seed, 100) < o->falls_percent && open < starts_ms[to])
                starts_ms[to] = open;
        }
    }
    qsort(sends, count, sizeof sends[0], earlier);
    uint64_t began = s->scene.time_us;
    for (unsigned i = 0; i < count; i++) {
        char from[32], to[32], nick[32], text[256];
        const struct send *m = &sends[i];
        name_of(m->from, from);
        name_of(m->to, to);
        snprintf(nick, sizeof nick, "%s", to);
        *strchr(nick, '@') = '\0';
        if (m->from != 0 && !sent_on[m->from]) {
            sent_on[m->from] = true;
            o->victims++;
        }
        s->scene.time_us = began + m->at_ms * 1000;
        if (o->file) {
            uint8_t hash[SHA256_BYTES] = { 1, 2, 3 };
            threats_file(s->threats, &s->scene,
                         &(struct carried_file){ .name = VIEW("photo.scr"),
                                                 .from = view_string(from),
                                                 .to = view_string(to),
                                                 .room = view_of(NULL, 0),
                                                 .size = 4000,
                                                 .sha256 = hash,
                                                 .outgoing = true,
                                                 .whole = true });
            continue;
        }
        if (o->noise && i % 3 == 0) {
            char chat[64];
            snprintf(chat, sizeof chat, "lunch at noon with everybody of row %c%c%c?", 'a' + i % 26,
                     'a' + i / 26 % 26, 'a' + i / 676 % 26);
            say(s, to, from, chat);
        }
        fill(o->form, nick, i, text, sizeof text);
        say(s, from, to, text);
        if (o->both_legs)
            hear(s, from, to, text);
    }
    if (getenv("STAND_SHOW") != NULL)
        printf("# %u sends, %u victims, alert at victim %u\n", count, o->victims, o->victims_at_alert);
    assert_true(o->victims > 100);
    assert_true(o->alerts > 0);
    assert_true(o->victims_at_alert < 10);
    assert_int_equal(s->alert[0].id, 4300);
    assert_int_equal(s->alert[0].severity, SEVERITY_HIGH);
    assert_non_null(strstr(evidence_of(s, 0, "chain"), " -> "));
    assert_string_equal(evidence_of(s, 0, "origin"), "aauka@im.example");
    stand_free(s);
}

static void test_a_fast_worm_is_told_of_before_the_tenth_victim(void **state)
{
    static const struct outbreak forms[] = {
        { .pause_ms = 300,
          .think_ms = 15000,
          .falls_percent = 50,
          .form = "hey @ look http://x.example/p.php?id=#" },
        { .pause_ms = 1500,
          .think_ms = 4000,
          .falls_percent = 80,
          .form = "@ is this you?? www.pics.example/img#.jpg" },
        { .pause_ms = 50,
          .think_ms = 500,
          .falls_percent = 90,
          .form = "LOL @!! http://x.example/#",
          .both_legs = true },
        { .pause_ms = 500,
          .think_ms = 60000,
          .falls_percent = 40,
          .form = "@ you must see what they wrote about you #" },
        { .pause_ms = 800,
          .think_ms = 20000,
          .falls_percent = 60,
          .form = "hi @ http://x.example/a?#",
          .noise = true },
        { .pause_ms = 1000, .think_ms = 30000, .falls_percent = 40, .form = "", .file = true },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        for (unsigned seed = 1; seed <= 5; seed++) {
            struct outbreak o = forms[i];
            play(&o, seed);
        }
    }
}

static void test_a_worm_that_waits_is_told_of_too(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) {
        struct outbreak o = { .pause_ms = 10000,
                              .think_ms = 60000,
                              .falls_percent = 60,
                              .form = "@, your photo: http://x.example/p?#" };
        play(&o, seed);
    }
}

/* It waits between its messages, yet who gets it sends it on at once: no burst, many hands. */
static void test_a_worm_without_bursts_is_told_of(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) {
        struct outbreak o = { .pause_ms = 3000,
                              .think_ms = 1000,
                              .falls_percent = 80,
                              .form = "@, your photo: http://x.example/p?#" };
        play(&o, seed);
    }
}

/* The chain as people read it. */
static void test_the_chain_names_who_infected_whom(void **state)
{
    static const char *const tree[][6] = { { "al@x", "bob@x", "cat@x", "dan@x", "eve@x", "fay@x" },
                                           { "bob@x", "gus@x", "hal@x", "ida@x", "joe@x", "kim@x" },
                                           { "gus@x", "lou@x", "mia@x", "ned@x", "ola@x", "pat@x" },
                                           { "lou@x", "qix@x", "rob@x", "sue@x", "tim@x", "uma@x" } };
    struct stand *s = stand_of("worm");
    (void)state;
    for (unsigned i = 0; i < 4; i++, stand_wait(s, 30000))
        for (unsigned k = 1; k < 6; k++, stand_wait(s, 500))
            say(s, tree[i][0], tree[i][k], "see http://evil.example/a.exe");
    assert_int_equal(s->count, 1);
    assert_string_equal(evidence_of(s, 0, "chain"), "al@x -> bob@x -> gus@x -> lou@x (3 hops), 18 accounts");
    assert_string_equal(evidence_of(s, 0, "lure"), "evil.example/a.exe");
    assert_string_equal(evidence_of(s, 0, "times"), "20:26:40 20:26:40 20:27:12 20:27:45");
    stand_free(s);
}

/* ---- what looks like one ---- */

static void test_greetings_to_all_friends_are_none(void **state)
{
    struct stand *s = stand_of("worm");
    char from[32], to[32];
    (void)state;
    for (unsigned a = 0; a < 20; a++) { /* everybody wishes everybody, within the hour */
        for (unsigned b = 0; b < 20; b++) {
            if (a == b)
                continue;
            name_of(a, from);
            name_of(b, to);
            say(s, from, to, "Happy New Year to you and your family!");
            stand_wait(s, 4000 + b * 500);
        }
    }
    assert_int_equal(s->count, 0);
    stand_free(s);
}

static void test_a_bot_that_announces_is_none(void **state)
{
    struct stand *s = stand_of("worm");
    char to[32], text[96];
    (void)state;
    for (unsigned day = 0; day < 20; day++, stand_wait(s, 3600000)) {
        snprintf(text, sizeof text, "build failed, see https://ci.example/job/%c%c", 'a' + day,
                 'a' + day % 7);
        for (unsigned b = 0; b < 60; b++, stand_wait(s, 20)) {
            name_of((b * 7 + day) % 60, to);
            say(s, "builds@im.example", to, text);
        }
    }
    assert_int_equal(s->count, 0);
    stand_free(s);
}

static void test_a_meeting_link_that_is_passed_on_is_none(void **state)
{
    static const char link[] = "join here https://meet.example/j/918273";
    struct stand *s = stand_of("worm");
    char to[32];
    (void)state;
    for (unsigned b = 1; b <= 5; b++, stand_wait(s, 1500)) { /* pasted fast */
        name_of(b, to);
        say(s, "boss@im.example", to, link);
    }
    name_of(1, to);
    say(s, to, "late@im.example", link);
    stand_wait(s, 3000);
    say(s, to, "later@im.example", link);
    name_of(2, to);
    stand_wait(s, 15000);
    say(s, to, "guest@im.example", link);
    assert_int_equal(s->count, 0);
    stand_free(s);
}

static void test_rooms_and_small_talk_are_none(void **state)
{
    struct stand *s = stand_of("worm");
    char a[32], b[32];
    (void)state;
    for (unsigned i = 0; i < 300; i++, stand_wait(s, 100)) {
        name_of(i % 50, a);
        name_of((i + 1 + i / 50) % 50, b);
        say_in_room(s, a, "#all", "have a look at https://news.example/story");
        say_in_room(s, a, "#all", "lol");
        say(s, a, b, "lol");
        say(s, a, b, "hi");
        say(s, a, b, "ok thanks");
    }
    assert_int_equal(s->count, 0);
    stand_free(s);
}

static void test_copies_and_history_do_not_count(void **state)
{
    struct stand *s = stand_of("worm");
    char from[32], to[32];
    (void)state;
    for (unsigned a = 0; a < 20; a++) {
        for (unsigned b = 0; b < 20; b++) {
            name_of(a, from);
            name_of(a + b + 1, to);
            struct carried_message m = { .from = view_string(from),
                                         .to = view_string(to),
                                         .room = view_of(NULL, 0),
                                         .display = view_of(NULL, 0),
                                         .text = VIEW("http://x.example/a"),
                                         .again = b % 2 == 0,
                                         .sent_us = s->scene.time_us - 3600000000u };
            threats_message(s->threats, &s->scene, &m);
            stand_wait(s, 50);
        }
    }
    assert_int_equal(s->count, 0);
    stand_free(s);
}

/* Nobody passes it on, yet a person's account suddenly sends like a program. */
static void test_a_person_who_sends_like_a_program_is_told_of(void **state)
{
    static const char *const talk[] = { "are you in on friday?",      "the garden needs water",
                                        "i will bring the cake then", "no, the other one",
                                        "see you at the station",     "where did you put the keys" };
    struct stand *s = stand_of("worm");
    char to[32];
    (void)state;
    for (unsigned i = 0; i < sizeof talk / sizeof talk[0]; i++, stand_wait(s, 60000))
        say(s, "ann@im.example", i % 2 == 0 ? "bob@im.example" : "cat@im.example", talk[i]);
    for (unsigned b = 0; b < 12; b++, stand_wait(s, 400)) {
        name_of(b, to);
        say(s, "ann@im.example", to, "wow http://x.example/z");
    }
    assert_int_equal(s->count, 1);
    assert_int_equal(s->alert[0].id, 4301);
    assert_string_equal(evidence_of(s, 0, "from"), "ann@im.example");
    stand_free(s);
}

/* A film that half the office passes on: one in three to one or two friends, minutes later. */
static void test_a_link_that_people_like_is_none(void **state)
{
    enum { PEOPLE = 200 };
    struct stand *s = stand_of("worm");
    uint64_t seed = 9, due[PEOPLE], began = s->scene.time_us;
    unsigned sent = 0;
    (void)state;
    for (unsigned i = 0; i < PEOPLE; i++)
        due[i] = i < 5 ? i * 20000 : UINT64_MAX;
    for (uint64_t now = 0; now < 3600000; now += 1000) {
        for (unsigned i = 0; i < PEOPLE; i++) {
            if (due[i] > now)
                continue;
            due[i] = UINT64_MAX;
            for (unsigned k = 0; k < 1 + draw(&seed, 3); k++) {
                char from[32], to[32];
                unsigned friend = (i + 1 + draw(&seed, 30)) % PEOPLE;
                name_of(i, from);
                name_of(friend, to);
                s->scene.time_us = began + now * 1000 + k * 6000000;
                say(s, from, to, "you have to see this https://video.example/watch?v=cats");
                sent++;
                if (due[friend] == UINT64_MAX && draw(&seed, 100) < 60)
                    due[friend] = now + 60000 + draw(&seed, 240000);
            }
        }
    }
    assert_true(sent > 200);
    assert_int_equal(s->count, 0);
    stand_free(s);
}

/* In a day a link that thousands like has had any number of fast hands: they do not come together. */
static void test_a_day_of_a_link_that_thousands_like_is_none(void **state)
{
    struct stand *s = stand_of("worm");
    uint64_t seed = 3;
    (void)state;
    for (unsigned i = 0; i < 200;
         i++, stand_wait(s, 400000)) { /* from one to another, and on within seconds */
        char a[32], b[32], c[32];
        name_of(i * 3, a);
        name_of(i * 3 + 1, b);
        name_of(i * 3 + 2, c);
        say(s, a, b, "http://news.example/story");
        stand_wait(s, 5000 + draw(&seed, 10000));
        say(s, b, c, "http://news.example/story");
        stand_wait(s, 1000);
        say(s, b, a, "http://news.example/story");
    }
    assert_int_equal(s->count, 0);
    stand_free(s);
}

/* An hour of 200 people: their talk, jokes that make the round, links, greetings at nine. */
static void test_an_hour_of_busy_chat_raises_nothing(void **state)
{
    static const char *const said[] = {
        "good morning!",
        "are you coming to lunch?",
        "please look at https://intranet.example/tickets/# when you can",
        "a horse walks into a bar and the barman says why the long face",
        "did you see https://video.example/watch?v=# it is hilarious",
        "yes",
        "no idea, ask the other team #",
        "meeting at #, room five",
        "https://meet.example/j/#",
        "thank you very much for your help yesterday",
    };
    struct stand *s = stand_of("worm");
    uint64_t seed = 42;
    (void)state;
    for (unsigned i = 0; i < 36000; i++, stand_wait(s, 100)) { /* ten messages a second */
        char from[32], to[32], text[160];
        unsigned who = draw(&seed, 200), what = draw(&seed, 10);
        name_of(who, from);
        name_of((who + 1 + draw(&seed, 12)) % 200, to);
        fill(said[what], "", what == 4 || what == 8 ? i / 3000 : draw(&seed, 1000), text, sizeof text);
        say(s, from, to, text);
        hear(s, from, to, text);
    }
    assert_int_equal(s->count, 0);
    stand_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fast_worm_is_told_of_before_the_tenth_victim),
        cmocka_unit_test(test_a_worm_that_waits_is_told_of_too),
        cmocka_unit_test(test_a_worm_without_bursts_is_told_of),
        cmocka_unit_test(test_the_chain_names_who_infected_whom),
        cmocka_unit_test(test_greetings_to_all_friends_are_none),
        cmocka_unit_test(test_a_bot_that_announces_is_none),
        cmocka_unit_test(test_a_meeting_link_that_is_passed_on_is_none),
        cmocka_unit_test(test_rooms_and_small_talk_are_none),
        cmocka_unit_test(test_copies_and_history_do_not_count),
        cmocka_unit_test(test_a_person_who_sends_like_a_program_is_told_of),
        cmocka_unit_test(test_a_link_that_people_like_is_none),
        cmocka_unit_test(test_a_day_of_a_link_that_thousands_like_is_none),
        cmocka_unit_test(test_an_hour_of_busy_chat_raises_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
