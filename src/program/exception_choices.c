/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody may ask an exception for, and for whom: what the form of it shows. Employees may not read the
 * catalog; the names of its services are no secret. */
#include "identify/catalog.h"
#include "program/exception.h"
#include "program/setting.h"
#include "program/shape_list.h"
#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
    const struct catalog_service *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static json_t *services(const struct catalog *catalog)
{
    const unsigned count = catalog_count(catalog);
    const struct catalog_service **sorted = calloc(count + 1u, sizeof(*sorted));
    json_t *list = json_pack("[]");
    unsigned n = 0;

    if (sorted == NULL || list == NULL) {
        free(sorted);
        json_decref(list);
        return NULL;
    }
    for (unsigned i = 1; i <= count; i++) {
        const struct catalog_service *s = catalog_service(catalog, (uint16_t)i);
        if (s != NULL && catalog_find(catalog, view_string(s->slug)) != 0)
            sorted[n++] = s;
    }
    qsort(sorted, n, sizeof(*sorted), by_name);
    for (unsigned i = 0; i < n; i++)
        (void)json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "service", sorted[i]->slug, "name",
                                                    sorted[i]->name, "class", class_words[sorted[i]->class]));
    free(sorted);
    return list;
}

static json_t *department(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o}", "id", shape_int(rows, 0), "name", shape_text(rows, 1));
}

bool exception_choices(struct act *a, const struct catalog *catalog, json_t **out, struct imw_error_info *err)
{
    const bool decides = actor_may(a->actor, PERMISSION_EXCEPTION_DECIDE),
               leads = actor_is(a->actor, ROLE_MANAGER) && a->actor->person != 0;
    int64_t days = 0, hours = 0, managers = 0;
    json_t *departments = NULL;

    if (!setting_number(a->db, SETTING_ID_EXCEPTION_DAYS, &days, err) ||
        !setting_number(a->db, SETTING_ID_EXCEPTION_HOURS, &hours, err) ||
        !setting_number(a->db, SETTING_ID_EXCEPTION_MANAGERS, &managers, err) ||
        !shape_list(a->db, "select id, name from department where ? = 1 or manager = ? order by name, id",
                    DB_ARGS(db_int(decides), db_int(leads ? a->actor->person : -1)), department, NULL,
                    &departments, err))
        return false;
    *out = json_pack("{s:b,s:o,s:o,s:b,s:I,s:b,s:I}", "person", a->actor->person != 0, "services",
                     services(catalog), "departments", departments, "others", decides || leads, "most_days",
                     (json_int_t)days, "emergency", decides || (leads && managers != 0), "emergency_hours",
                     (json_int_t)hours);
    return *out != NULL || error_memory(err);
}
