/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files that run or lie, and names that only look odd. */
#include "stage.h"

extern const struct detector detector_file_names;

enum { DISGUISED, LYING, EXECUTABLE, HIDDEN, LOCKED, NOTHING };

static void start(struct stage *g)
{
    stage_start(g, &detector_file_names, NULL);
    stage_flow(g, "msn", PROTOCOL_MSNP, "10.0.0.1", "207.46.1.1", 1863);
}

static void offer(struct stage *g, const char *name)
{
    struct im_detail d = { .account = VIEW("bob"), .peer = VIEW("al"), .file = view_string(name) };

    threats_activity(g->threats, &g->scene, ACTIVITY_FILE, &d);
}

static void came(struct stage *g, const char *name, const struct scan_result *scan)
{
    struct carried_file f = {
        .name = view_string(name), .from = VIEW("al"), .to = VIEW("bob"), .scan = scan, .whole = true
    };

    threats_file(g->threats, &g->scene, &f);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        unsigned kind;
    } names[] = {
        { "invoice.pdf.exe", DISGUISED },
        { "C:\\Temp\\photo.JPG.ScR", DISGUISED },
        { "holiday.jpg                                .com", DISGUISED },
        { "plan            .pif", DISGUISED },
        { "annexe\xe2\x80\xae"
          "fdp.exe",
          DISGUISED },
        { "photo.jpg.scr. ", DISGUISED }, /* Windows drops the end */
        { "page.html.exe", DISGUISED },
        { "index.html.js", EXECUTABLE }, /* programmers name them so */
        { "fetch.log.sh", EXECUTABLE },
        { "setup.exe", EXECUTABLE },
        { "report.v1.2.exe", EXECUTABLE },
        { "My Program 2.msi", EXECUTABLE },
        { "run.js", EXECUTABLE },
        { "invoice.pdf", NOTHING },
        { "archive.tar.gz", NOTHING },
        { "letter of  two  spaces.doc", NOTHING },
        { "exe", NOTHING },
        { ".exe", NOTHING },
        { "notes about setup.exe.txt", NOTHING },
        { "exe/invoice.pdf", NOTHING },
        { "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d.pdf", NOTHING }, /* written from the right by nature */
        { "\xe2\x80\xaequarterly.pdf", NOTHING },
        { "", NOTHING },
        { "....", NOTHING },
    };

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof names / sizeof names[0]; i++) {
        struct stage g;
        start(&g);
        if (i % 2 == 0)
            offer(&g, names[i / 2].name);
        else
            came(&g, names[i / 2].name, NULL);
        if (names[i / 2].kind == NOTHING)
            stage_expect_nothing(&g);
        else
            stage_expect(&g, names[i / 2].kind,
                         names[i / 2].kind == DISGUISED ? SEVERITY_HIGH : SEVERITY_LOW);
        stage_stop(&g);
    }
}

static void test_a_program_under_the_name_of_a_picture(void **state)
{
    struct scan_result program = { .executable = true,
                                   .magic = "PE32 executable",
                                   .media_type = "application/vnd.microsoft.portable-executable" };
    struct scan_result picture = { .media = true, .magic = "JPEG image data", .media_type = "image/jpeg" };
    struct stage g;

    (void)state;
    start(&g);
    came(&g, "photo.jpg", &picture);
    stage_expect_nothing(&g);
    came(&g, "photo.jpg", &program);
    stage_expect(&g, LYING, SEVERITY_HIGH);
    assert_non_null(strstr(g.seen, "PE32"));
    came(&g, "tool", &program); /* no name that would lie */
    stage_expect(&g, EXECUTABLE, SEVERITY_LOW);
    stage_stop(&g);
}

static void test_archives(void **state)
{
    struct scan_result zip = { .archive = true, .media_type = "application/zip", .member_count = 2 };
    struct stage g;

    (void)state;
    start(&g);
    snprintf(zip.members[0].name, sizeof zip.members[0].name, "readme.txt");
    snprintf(zip.members[1].name, sizeof zip.members[1].name, "doc/plan.pdf");
    came(&g, "a.zip", &zip);
    stage_expect_nothing(&g);
    zip.members[1].executable = true;
    came(&g, "b.zip", &zip);
    stage_expect(&g, HIDDEN, SEVERITY_MEDIUM);
    zip.members[1].executable = false;
    snprintf(zip.members[1].name, sizeof zip.members[1].name, "plan.pdf.exe");
    came(&g, "c.zip", &zip);
    stage_expect(&g, DISGUISED, SEVERITY_HIGH);
    zip.member_count = 4000; /* more than are told */
    snprintf(zip.members[1].name, sizeof zip.members[1].name, "plan.pdf");
    zip.encrypted = true;
    came(&g, "d.zip", &zip);
    stage_expect(&g, LOCKED, SEVERITY_MEDIUM);
    struct scan_result pdf = { .document = true, .encrypted = true, .media_type = "application/pdf" };
    came(&g, "contract.pdf", &pdf); /* a document with a password is another matter */
    stage_expect_nothing(&g);
    stage_stop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_program_under_the_name_of_a_picture),
        cmocka_unit_test(test_archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
