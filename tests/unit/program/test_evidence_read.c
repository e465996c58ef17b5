/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of an evidence package: all are answered, on both databases, by what was stored. */
#include "program/cases.h"
#include "program/evidence_read.h"
#include "program/when.h"
#include "store/eve_lines.h"
#include <stdlib.h>

static struct evidence_data *read_all(struct database *d, uint64_t from, uint64_t until, size_t rows_most)
{
    const struct evidence_period period = { from, until };
    struct evidence_data *data;

    good(d, evidence_data_new(&period, rows_most, &data, &d->err));
    const struct evidence_reader reader = evidence_data_reader(data), *const readers[] = { &reader };
    good(d, evidence_read(d->db, &period, readers, 1, &d->err));
    assert_false(db_in_transaction(d->db));
    return data;
}

/* Every question is asked, and has columns also where there is nothing. */
static void test_an_empty_store_answers_all(struct database *d)
{
    struct evidence_data *data = read_all(d, cases_now - (uint64_t)DAY_US, cases_now, 10);

    assert_int_equal(data->table_count, evidence_table_count());
    assert_int_equal(data->figure_count, evidence_figure_count());
    for (size_t i = 0; i < data->table_count; i++) {
        assert_true(data->tables[i].column_count > 1);
        assert_true(data->tables[i].rows == 0);
    }
    for (size_t i = 0; i < data->figure_count; i++)
        if (data->figures[i].value != 0)
            fail_msg("%s.%s is %lld", data->figures[i].item->part, data->figures[i].item->name,
                     (long long)data->figures[i].value);
    evidence_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_an_empty_store_answers_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
