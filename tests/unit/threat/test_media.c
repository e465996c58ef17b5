/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings and listed works. */
#include "stage.h"

extern const struct detector detector_media;

enum { WORK, RECORDING };

static void came(struct stage *g, const char *name, uint64_t size, const struct scan_result *scan)
{
    struct carried_file f = { .name = view_string(name),
                              .from = VIEW("al"),
                              .to = VIEW("bob"),
                              .size = size,
                              .scan = scan,
                              .whole = true };

    stage_flow(g, "msn", PROTOCOL_MSNP, "10.0.0.1", "207.46.1.1", 1863);
    threats_file(g->threats, &g->scene, &f);
}

static void test_a_listed_work_is_high_whatever_its_name(void **state)
{
    struct scan_result scan = { .media_work = "A Film (2004)", .media_type = "video/mp4" };
    struct stage g;

    (void)state;
    stage_start(&g, &detector_media, NULL);
    came(&g, "minutes.doc", 1000, &scan);
    stage_expect(&g, WORK, SEVERITY_HIGH);
    assert_non_null(strstr(g.seen, "A Film (2004)"));
    stage_stop(&g);
}

static void test_large_recordings_by_content_or_else_by_name(void **state)
{
    struct scan_result sound = { .media_type = "audio/mpeg" }, text = { .media_type = "text/plain" },
                       picture = { .media_type = "image/jpeg", .media = true };
    struct stage g;

    (void)state;
    stage_start(&g, &detector_media, NULL);
    came(&g, "voice.ogg", 200000, NULL); /* a voice message */
    came(&g, "song.mp3", 4 << 20, &text);
    came(&g, "photo.jpg", 9 << 20, &picture);
    came(&g, "mp3", 9 << 20, NULL);
    came(&g, "data.zip", 9 << 20, NULL);
    stage_expect_nothing(&g);
    came(&g, "x.bin", 4 << 20, &sound);
    stage_expect(&g, RECORDING, SEVERITY_LOW);
    came(&g, "film.MKV", 4 << 20, NULL);
    stage_expect(&g, RECORDING, SEVERITY_LOW);
    stage_stop(&g);
}

static void working_hours(struct detector_settings *s)
{
    s->value[1] = 8;
    s->value[2] = 18;
    s->value[3] = 1; /* an hour ahead of UTC */
    s->value[4] = 0;
}

static void test_working_hours(void **state)
{
    static const struct {
        unsigned hour; /* UTC, from Tuesday 2023-11-14 00:00 on */
        bool told;
    } hours[] = { { 6, false },      { 7, true },        { 16, true },        { 17, false },
                  { 72 + 12, true }, { 96 + 12, false }, { 120 + 12, false }, { 144 + 12, true } };
    struct stage g;

    (void)state;
    for (unsigned i = 0; i < sizeof hours / sizeof hours[0]; i++) {
        stage_start(&g, &detector_media, working_hours);
        g.scene.time_us = (UINT64_C(1699920000) + hours[i].hour * 3600u) * 1000000;
        came(&g, "film.mkv", 4 << 20, NULL);
        if (hours[i].told)
            stage_expect(&g, RECORDING, SEVERITY_LOW);
        else
            stage_expect_nothing(&g);
        stage_stop(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_listed_work_is_high_whatever_its_name),
        cmocka_unit_test(test_large_recordings_by_content_or_else_by_name),
        cmocka_unit_test(test_working_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
