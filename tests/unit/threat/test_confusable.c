/* SPDX-License-Identifier: Apache-2.0 */
/* Names that look alike, and names that do not. */
#include "test.h"
#include "threat/confusable.h"

static bool alike(const char *a, const char *b, enum confusable_level level)
{
    struct confusable *c = NULL;
    char x[CONFUSABLE_BYTES], y[CONFUSABLE_BYTES];
    struct text one = TEXT(x), other = TEXT(y);
    assert_true(confusable_new(&c, NULL));
    confusable_skeleton(c, view_string(a), level, &one);
    confusable_skeleton(c, view_string(b), level, &other);
    confusable_free(c);
    return strcmp(x, y) == 0;
}

static void test_what_looks_alike(void **state)
{
    (void)state;
    assert_true(alike("paypal", "p\xd0\xb0yp\xd0\xb0l", CONFUSABLE_LOOKS)); /* Cyrillic a */
    assert_true(alike("PayPal", "paypa1", CONFUSABLE_LOOKS));
    assert_true(alike("modern", "rnodern", CONFUSABLE_LOOKS));
    assert_true(alike("bob", "b0b", CONFUSABLE_LOOKS));
    assert_true(alike("Alice", "AIice", CONFUSABLE_LOOKS)); /* capital i */
    assert_true(alike("Ian", "ian", CONFUSABLE_LOOKS));
    assert_true(alike("JIM", "jim", CONFUSABLE_LOOKS));
    assert_false(alike("Aila", "Alla", CONFUSABLE_LOOKS));
    assert_true(alike("mike", "m1ke", CONFUSABLE_SWAPS));
    assert_true(alike("alice", "al\xe2\x80\x8bice", CONFUSABLE_LOOKS)); /* zero width space */
    assert_false(alike("alice", "al1ce3", CONFUSABLE_LOOKS));
    assert_false(alike("steve", "st3ve", CONFUSABLE_LOOKS));
    assert_true(alike("steve", "s73v3", CONFUSABLE_SWAPS));
    assert_true(alike("bob.smith", "bob_smith", CONFUSABLE_SWAPS));
    assert_false(alike("bob", "rob", CONFUSABLE_SWAPS));
}

/* What is equal as plain is no trick. */
static void test_what_is_the_same_name(void **state)
{
    (void)state;
    assert_true(alike("Bob Smith", "bob.smith", CONFUSABLE_PLAIN));
    assert_false(alike("Delia", "Della", CONFUSABLE_PLAIN));
    assert_false(alike("Alice", "AIice", CONFUSABLE_PLAIN));
    assert_false(alike("bob", "b0b", CONFUSABLE_PLAIN));
    assert_false(alike("paypal", "p\xd0\xb0ypal", CONFUSABLE_PLAIN));
}

static void test_one_edit(void **state)
{
    (void)state;
    assert_true(confusable_near(VIEW("margaret"), VIEW("margret")));
    assert_true(confusable_near(VIEW("margaret"), VIEW("margarett")));
    assert_true(confusable_near(VIEW("margaret"), VIEW("margaret1")));
    assert_true(confusable_near(VIEW("margaret"), VIEW("margarte")));
    assert_true(confusable_near(VIEW("m\xc3\xbcller"), VIEW("muller")));
    assert_false(confusable_near(VIEW("margaret"), VIEW("margaret")));
    assert_false(confusable_near(VIEW("margaret"), VIEW("magraert")));
    assert_false(confusable_near(VIEW("ab"), VIEW("abcd")));
    assert_false(confusable_near(VIEW(""), VIEW("ab")));
    assert_true(confusable_near(VIEW("aa"), VIEW("aaa")));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_looks_alike),
                                        cmocka_unit_test(test_what_is_the_same_name),
                                        cmocka_unit_test(test_one_edit) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
