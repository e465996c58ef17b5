/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People out of a CSV file (RFC 4180): the complete list of them, as staff systems and spreadsheets write it.
 *
 * The first line names the columns, in any order and either case:
 *     number, name, email, title, department, manager, login (or user), host, address, account
 * or first name and last name in place of name. Only the name is a must, and one of number, login and email,
 * by which a person is known from file to file. A manager is named by number or mail. Several logins, hosts,
 * addresses or accounts in one field are separated by semicolons or bars (bars only, where the semicolon
 * separates the fields). Other columns are left out, and named in a problem.
 *
 * Fields are separated by commas, semicolons or tabs, whichever the first line has; a byte-order mark is
 * skipped. The text is UTF-8. What is not is held to be ISO 8859-1 (Latin-1, in the variant of Windows), with
 * a problem that says so; UTF-16 is refused.
 *
 * Limits: PEOPLE_CSV_MOST bytes, ROSTER_MOST people, a field of 4 KiB, 64 columns.
 */
#pragma once
#include "program/roster.h"

enum { PEOPLE_CSV_MOST = 256 << 20 };

/* Fill an empty roster. False: the file is no list of people (err: line and text, what to do). Lines that
 * cannot be taken are the roster's problems. */
bool people_csv_parse(struct view file, struct roster *r, struct imw_error_info *err) IMW_MUST_USE;
bool people_csv_load(const char *path, struct roster *r, struct imw_error_info *err) IMW_MUST_USE;
