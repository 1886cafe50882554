/* Parts of the program that bring many libraries and are wanted by few: shared objects beside it,
 * or in
 * ../lib/postern, loaded by the first who asks. Never unloaded. */
#pragma once

typedef void module_function(void);

/* The function `symbol` of "postern-NAME.so"; NULL when the file or one of its libraries is
 * missing. Asking again costs a look-up: for start, reload and first use. */
module_function *module_find(const char *name, const char *symbol);
