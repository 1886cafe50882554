/* The C names that protoc-gen-c gives: our stubs speak of its structs. Results are the arena's and
 * NUL-terminated. */
#pragma once

#include "transcoder/arena.h"

/* "demo.v1.EchoMessage" -> "Demo__V1__EchoMessage" */
char *name_type(struct arena *a, struct str full_name);
/* "demo.v1.EchoMessage" -> "demo__v1__echo_message" */
char *name_lower(struct arena *a, struct str full_name);
/* "demo/v1/echo.proto" -> "demo_v1_echo" */
char *name_of_file(struct arena *a, struct str file);
/* "demo/v1/echo.proto" -> "demo/v1/echo" */
struct str name_stem(struct str file);
/* "GetModel" -> "get_model"; a word that C or C++ keeps for itself gets a '_' behind it. */
char *name_member(struct arena *a, struct str name);
