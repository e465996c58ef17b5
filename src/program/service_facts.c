/* SPDX-License-Identifier: Apache-2.0 */
/* Names and classes of services, from the built-in catalog. */
#include "program/service_facts.h"
#include "identify/catalog.h"

bool services_describe(json_t *list, struct imw_error_info *err)
{
    struct catalog *catalog;
    json_t *one;
    size_t i;

    if (!catalog_builtin(&catalog, err))
        return false;
    json_array_foreach(list, i, one)
    {
        const char *slug = json_string_value(json_object_get(one, "service"));
        uint16_t number = slug != NULL ? catalog_find(catalog, view_string(slug)) : 0;
        const struct catalog_service *s = number != 0 ? catalog_service(catalog, number) : NULL;
        if (s == NULL)
            continue;
        json_object_set_new(one, "name", json_pack("s", s->name));
        json_object_set_new(one, "class", json_pack("s", class_name(s->class)));
    }
    catalog_close(catalog);
    return true;
}
