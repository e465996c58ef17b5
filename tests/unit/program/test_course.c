/* SPDX-License-Identifier: Apache-2.0 */
/* Courses: versions that stay as they were published, questions, pictures and films, and ours. */
#include "console/answer_asset.h"
#include "program/courses.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct actor writer(struct database *d)
{
    return actor_of(add_account(d, "cora", "compliance", 0), "cora", "compliance");
}

static json_t *shown(struct database *d, struct act *a, int64_t id, int64_t version)
{
    json_t *course = NULL;

    a->problem = ACT_FINE;
    good(d, course_json(a, id, version, &course, &d->err));
    return course;
}

static const char *text_at(const json_t *course, const char *list, size_t i, const char *key)
{
    const char *s = json_string_value(json_object_get(json_array_get(json_object_get(course, list), i), key));

    return s != NULL ? s : "";
}

static void test_what_was_published_stays_and_numbers_stay(struct database *d)
{
    const struct actor cora = writer(d);
    struct act a = act_by(d, &cora);
    int64_t id = add_course(d, &a, "Safe chats", 12, "{'rules':{'asked':5}}");
    json_t *first = shown(d, &a, id, 1), *body, *again, *draft;

    assert_string_equal(json_string_value(json_object_get(first, "state")), "published");
    assert_int_equal(strlen(text_at(first, "versions", 0, "sha256")), 64);
    body = body_of("{'title':'Changed','body':'Something else.','minutes':4}");
    good(d, DO(d, &a, module_put(&a, id, 1, body, &d->err)));
    json_decref(body);
    body = body_of("{'title':'In front','body':'New.','minutes':1,'place':1}");
    good(d, DO(d, &a, module_put(&a, id, 0, body, &d->err)));
    json_decref(body);
    good(d, DO(d, &a, question_drop(&a, id, 12, &d->err)));
    add_question(d, &a, id, 40);
    /* version 1 is as it was but for the list of versions */
    again = shown(d, &a, id, 1);
    assert_true(json_equal(json_object_get(first, "modules"), json_object_get(again, "modules")));
    assert_true(json_equal(json_object_get(first, "questions"), json_object_get(again, "questions")));
    draft = shown(d, &a, id, 0);
    assert_int_equal(json_integer_value(json_object_get(draft, "shown")), 2);
    assert_string_equal(text_at(draft, "modules", 0, "title"), "In front");
    assert_string_equal(text_at(draft, "modules", 1, "title"), "Changed");
    json_t *questions = json_object_get(draft, "questions");
    assert_int_equal(json_array_size(questions), 12);
    /* a number is given once: the new question is 13, not 12 again */
    assert_int_equal(json_integer_value(json_object_get(json_array_get(questions, 11), "number")), 13);
    json_decref(first);
    json_decref(again);
    json_decref(draft);
    good(d, DO(d, &a, course_put_out(&a, id, &d->err)));
    assert_int_equal(database_number(d, "select count(*) from course_version where state = 'replaced'"), 1);
    assert_int_equal(database_number(d, "select count(distinct sha256) from course_version"), 2);
    assert_false(DO(d, &a, course_put_out(&a, id, &d->err)));
    assert_int_equal(a.problem, ACT_LATE);
    /* a draft can be dropped, and takes nothing with it */
    good(d, DO(d, &a, module_drop(&a, id, 1, &d->err)));
    good(d, DO(d, &a, course_undraft(&a, id, &d->err)));
    draft = shown(d, &a, id, 0);
    assert_int_equal(json_array_size(json_object_get(draft, "modules")), 2);
    json_decref(draft);
    assert_int_equal(audit_count(d, "course.publish"), 2);
}

static void test_what_is_not_ready_is_not_published(struct database *d)
{
    const struct actor cora = writer(d);
    struct act a = act_by(d, &cora);
    json_t *body = body_of("{'title':'Empty'}");
    int64_t id;

    good(d, DO(d, &a, course_begin(&a, body, &id, &d->err)));
    json_decref(body);
    assert_false(DO(d, &a, course_put_out(&a, id, &d->err)));
    assert_int_equal(a.problem, ACT_WRONG);
    body = body_of("{'title':'M','body':'![x](asset:gone.png)','minutes':1}");
    good(d, DO(d, &a, module_put(&a, id, 0, body, &d->err)));
    json_decref(body);
    for (unsigned i = 0; i < 10; i++)
        add_question(d, &a, id, i);
    assert_false(DO(d, &a, course_put_out(&a, id, &d->err)));
    assert_non_null(strstr(d->err.text, "gone.png"));
    static const char *const wrong[] = {
        "{'kind':'single','text':'q','explanation':'e','options':[{'text':'a','right':true}]}",
        "{'kind':'single','text':'q','explanation':'e','options':[{'text':'a','right':true},{'text':'b','right':true}]}",
        "{'kind':'multiple','text':'q','explanation':'e','options':[{'text':'a','right':false},{'text':'b','right':false}]}",
        "{'kind':'other','text':'q','explanation':'e','options':[{'text':'a','right':true},{'text':'b','right':false}]}",
        "{'kind':'single','text':' ','explanation':'e','options':[{'text':'a','right':true},{'text':'b','right':false}]}",
        "{'kind':'single','text':'q','options':[{'text':'a','right':true},{'text':'b','right':false}]}",
        "{'module':9,'kind':'single','text':'q','explanation':'e','options':[{'text':'a','right':true},{'text':'b','right':false}]}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        body = body_of(wrong[i]);
        assert_false(DO(d, &a, question_put(&a, id, 0, body, &d->err)));
        assert_int_equal(a.problem, ACT_WRONG);
        json_decref(body);
    }
    assert_int_equal(database_number(d, "select count(*) from course_question"), 10);
}

static void test_answers_are_for_writers_and_examiners(struct database *d)
{
    const struct actor cora = writer(d);
    struct act a = act_by(d, &cora);
    int64_t id = add_course(d, &a, "Safe chats", 10, "{'rules':{'asked':5}}");
    static const char *const roles[] = { "compliance", "examiner", "manager" };

    for (unsigned i = 0; i < 3; i++) {
        const struct actor other = actor_of(9, roles[i], roles[i]);
        struct act b = act_by(d, &other);
        json_t *course = shown(d, &b, id, 0);
        char *text = json_dumps(json_object_get(course, "questions"), 0);
        assert_int_equal(strstr(text, "true") != NULL, i < 2);
        assert_int_equal(strstr(text, "Because") != NULL, i < 2);
        free(text);
        json_decref(course);
    }
}

/* ---- pictures and films ---- */

static const char drawing[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><title>a &lt; b</title>"
    "<defs><linearGradient id=\"g\"><stop offset=\"0\"/></linearGradient></defs>"
    "<!-- <script> --><rect fill=\"url(#g)\" width=\"9\"/><use href=\"#g\"/></svg>";

static void test_what_a_file_is_its_content_says(void **state)
{
    const struct {
        struct view begin;
        const char *type;
    } cases[] = {
        { VIEW("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"), "image/png" },
        { VIEW("\x89PNG\r\n\x1a\n\0\0\0\rJUNK\0\0"), NULL },
        { VIEW("\xff\xd8\xff\xe0..JFIF"), "image/jpeg" },
        { VIEW("\0\0\0\x18"
               "ftypisom\0\0\0\0"),
          "video/mp4" },
        { VIEW("\0\0\0\x18"
               "ftypheic\0\0\0\0"),
          NULL },
        { VIEW("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"), "video/webm" },
        { VIEW("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska"), NULL },
        { VIEW("  <svg xmlns='x'>"), "image/svg+xml" },
        { VIEW("<!doctype html><script>"), NULL },
        { VIEW("<html><svg>"), NULL },
        { VIEW("MZ\x90"), NULL },
        { VIEW("GIF89a"), NULL },
        { VIEW(""), NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *type = asset_type(cases[i].begin);
        if (cases[i].type == NULL ? type != NULL : type == NULL || strcmp(type, cases[i].type) != 0)
            fail_msg("case %zu: %s", i, type != NULL ? type : "none");
    }
}

static void test_drawings_that_do_more_than_draw_are_refused(void **state)
{
    static const char *const wrong[] = {
        "<svg><script>1</script></svg>",
        "<svg onload=\"x()\"/>",
        "<svg><g ONCLICK='x'/></svg>",
        "<svg><foreignObject/></svg>",
        "<svg><image href=\"#a\"/></svg>",
        "<svg><use href=\"https://elsewhere.example/a.svg#b\"/></svg>",
        "<svg><use xlink:href='data:image/svg+xml,x'/></svg>",
        "<svg><rect fill=\"url(https://elsewhere.example/)\"/></svg>",
        "<svg><rect style=\"fill:url(#a);background:URL(//x)\"/></svg>",
        "<svg><style>@import 'x'</style></svg>",
        "<svg><rect style=\"@import x\"/></svg>",
        "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>",
        "<svg><?xml-stylesheet href='x'?></svg>",
        "<svg><a href='javascript:1'/></svg>",
        "<svg><animate attributeName='href'/></svg>",
        "<svg><svg:script/></svg>",
        "<svg><rect fill=\"&#106;\"/></svg>",
        "<svg><rect width=9/></svg>",
        "<svg><!-- </svg>",
        "<svg \xff/>",
        "<g/>",
        "",
    };
    const char *why;

    (void)state;
    assert_true(asset_drawing_fine(view_string(drawing), &why));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (asset_drawing_fine(view_string(wrong[i]), &why))
            fail_msg("was taken: %s", wrong[i]);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void test_a_film_is_kept_and_read_in_parts(struct database *d)
{
    const struct actor cora = writer(d);
    struct act a = act_by(d, &cora);
    int64_t id = add_course(d, &a, "Safe chats", 10, "{'rules':{'asked':5}}");
    const size_t size = 3 * ASSET_PIECE_BYTES + 1000;
    uint8_t *film = malloc(size), *back = malloc(size);
    struct course_asset asset;
    char path[128], other[128];
    json_t *row = NULL;

    assert_non_null(film);
    assert_non_null(back);
    for (size_t i = 0; i < size; i++)
        film[i] = (uint8_t)(i * 31 + i / 251);
    memcpy(film,
           "\0\0\0\x18"
           "ftypmp42",
           12);
    snprintf(path, sizeof path, "%s/film", d->folder);
    write_file(path, film, size);
    good(d, DO(d, &a, asset_keep(&a, id, "My Film.PNG", path, &row, &d->err)));
    assert_string_equal(json_string_value(json_object_get(row, "name")), "my-film.mp4");
    assert_int_equal(json_integer_value(json_object_get(row, "size")), size);
    json_decref(row);
    assert_false(DO(d, &a, asset_keep(&a, id, "my-film.mp4", path, &row, &d->err)));
    assert_int_equal(a.problem, ACT_LATE);
    good(d, asset_find(&a, id, "my-film.mp4", false, &asset, &d->err));
    static const struct {
        uint64_t from, count;
    } parts[] = {
        { 0, 1 }, { 0, 788432 + 999 }, { 262143, 2 }, { 262144, 1 }, { 100, 600000 }, { 787431, 1 }
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        uint64_t count = parts[i].from + parts[i].count <= size ? parts[i].count : size - parts[i].from;
        FILE *to = fmemopen(back, size, "wb");
        assert_non_null(to);
        good(d, asset_read(d->db, &asset, parts[i].from, count, to, &d->err));
        assert_int_equal(ftell(to), (long)count);
        assert_int_equal(fclose(to), 0);
        assert_memory_equal(back, film + parts[i].from, count < size ? count : size - 1);
    }
    /* learners see it once a published version shows it; then it stays */
    assert_false(asset_find(&a, id, "my-film.mp4", true, &asset, &d->err));
    json_t *body = body_of("{'title':'Film','body':'![a](asset:my-film.mp4)','minutes':1}");
    good(d, DO(d, &a, module_put(&a, id, 1, body, &d->err)));
    json_decref(body);
    assert_false(asset_find(&a, id, "my-film.mp4", true, &asset, &d->err));
    good(d, DO(d, &a, course_put_out(&a, id, &d->err)));
    good(d, asset_find(&a, id, "my-film.mp4", true, &asset, &d->err));
    assert_false(DO(d, &a, asset_drop(&a, id, "my-film.mp4", &d->err)));
    assert_int_equal(a.problem, ACT_LATE);
    snprintf(other, sizeof other, "%s/drawing", d->folder);
    write_file(other, drawing, sizeof drawing - 1);
    good(d, DO(d, &a, asset_keep(&a, id, "drawing", other, &row, &d->err)));
    json_decref(row);
    write_file(other, "<svg><script/></svg>", 20);
    assert_false(DO(d, &a, asset_keep(&a, id, "bad", other, &row, &d->err)));
    assert_int_equal(a.problem, ACT_WRONG);
    good(d, DO(d, &a, asset_drop(&a, id, "drawing.svg", &d->err)));
    assert_int_equal(database_number(d, "select count(*) from course_asset"), 1);
    assert_int_equal(database_number(d, "select count(*) from course_piece"), 4);
    unlink(path);
    unlink(other);
    free(film);
    free(back);
}

static void test_ranges(void **state)
{
    static const struct {
        const char *header;
        enum range is;
        uint64_t from, count;
    } cases[] = {
        { NULL, RANGE_NONE, 0, 0 },
        { "", RANGE_NONE, 0, 0 },
        { "items=0-5", RANGE_NONE, 0, 0 },
        { "bytes=0-0", RANGE_PART, 0, 1 },
        { "bytes=0-", RANGE_PART, 0, 100 },
        { "Bytes=90-200", RANGE_PART, 90, 10 },
        { "bytes=-10", RANGE_PART, 90, 10 },
        { "bytes=-500", RANGE_PART, 0, 100 },
        { "bytes=-0", RANGE_BEYOND, 0, 0 },
        { "bytes=100-", RANGE_BEYOND, 0, 0 },
        { "bytes=99-99", RANGE_PART, 99, 1 },
        { "bytes=5-4", RANGE_NONE, 0, 0 },
        { "bytes=0-1,5-6", RANGE_NONE, 0, 0 },
        { "bytes=a-b", RANGE_NONE, 0, 0 },
        { "bytes=--5", RANGE_NONE, 0, 0 },
        { "bytes=99999999999999999999-", RANGE_NONE, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t from = 0, count = 0;
        enum range is = range_read(cases[i].header, 100, &from, &count);
        if (is != cases[i].is || (is == RANGE_PART && (from != cases[i].from || count != cases[i].count)))
            fail_msg("%s: %d, %llu from %llu", cases[i].header, is, (unsigned long long)count,
                     (unsigned long long)from);
    }
}

/* ---- ours ---- */

static void test_our_course_can_be_taken_over_and_published(struct database *d)
{
    const struct actor cora = writer(d);
    struct act a = act_by(d, &cora);
    json_t *body = body_of("{'template':'public-im'}"), *course, *one;
    size_t i, of_module[32] = { 0 };
    int64_t id = 0;

    good(d, DO(d, &a, course_begin(&a, body, &id, &d->err)));
    assert_false(DO(d, &a, course_begin(&a, body, &id, &d->err)));
    assert_int_equal(a.problem, ACT_LATE);
    json_decref(body);
    course = shown(d, &a, id, 0);
    const size_t modules = json_array_size(json_object_get(course, "modules"));
    assert_in_range(modules, 8, 10);
    assert_true(json_array_size(json_object_get(course, "questions")) >= 40);
    assert_true(json_array_size(json_object_get(course, "assets")) >= 3);
    assert_int_equal(json_array_size(json_object_get(course, "problems")), 0);
    json_array_foreach(json_object_get(course, "questions"), i, one)
    {
        const json_int_t module = json_integer_value(json_object_get(one, "module"));
        assert_in_range(module, 1, modules);
        of_module[module]++;
    }
    for (i = 1; i <= modules; i++)
        assert_true(of_module[i] >= 3);
    /* each picture is shown somewhere */
    json_array_foreach(json_object_get(course, "assets"), i, one)
    {
        char mark[128];
        bool found = false;
        size_t k;
        json_t *module;
        snprintf(mark, sizeof mark, "](asset:%s)", json_string_value(json_object_get(one, "name")));
        json_array_foreach(json_object_get(course, "modules"), k, module) found |=
            strstr(json_string_value(json_object_get(module, "body")), mark) != NULL;
        assert_true(found);
    }
    json_decref(course);
    good(d, DO(d, &a, course_put_out(&a, id, &d->err)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_what_was_published_stays_and_numbers_stay),
        ON_BOTH(test_what_is_not_ready_is_not_published),
        ON_BOTH(test_answers_are_for_writers_and_examiners),
        cmocka_unit_test(test_what_a_file_is_its_content_says),
        cmocka_unit_test(test_drawings_that_do_more_than_draw_are_refused),
        ON_BOTH(test_a_film_is_kept_and_read_in_parts),
        cmocka_unit_test(test_ranges),
        ON_BOTH(test_our_course_can_be_taken_over_and_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
