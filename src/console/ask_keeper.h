/* SPDX-License-Identifier: Apache-2.0 */
/* What accounts need of the keeper and of the clerk, asked over the api's channels. */
#pragma once
#include "console/call.h"
#include "program/session.h"
#include "program/setting.h"

/* The table's context is `api`. */
struct account_keeper ask_keeper(struct api *api);
/* A secret setting's text as it is kept: sealed. `context` is the api. The caller frees *out. */
bool ask_seal(void *context, const char *text, char **out, struct imw_error_info *err);
/* Roles by groups, of a setting that is a map. */
bool groups_roles(struct db *db, enum setting map, const json_t *groups, unsigned *out_roles,
                  struct imw_error_info *err) IMW_MUST_USE;
/* Answered where what was asked for is refused (IMW_ERROR_VALUE: 422 with the member) or failed (500). */
void call_refused(struct call *c, const struct imw_error_info *err);
