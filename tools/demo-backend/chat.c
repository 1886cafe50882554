#include "tools/demo-backend/text_generation.h"

#include "tools/demo-backend/language.h"

/* Every turn of the client is answered by one message: with words, or, when the turn asks for the
 * weather, with a call of a tool, whose result the next turn may bring. */

struct talk {
    char *model;
    int32_t turn;
};

static void say(struct server_call *c, const struct talk *t, char *text)
{
    Demo__V1__ChatResponse r = DEMO__V1__CHAT_RESPONSE__INIT;
    r.turn = t->turn;
    r.part_case = DEMO__V1__CHAT_RESPONSE__PART_TEXT;
    r.text = text;
    r.finish_reason = DEMO__V1__FINISH_REASON__STOP;
    demo__v1__text_generation__chat__reply(c, &r);
}

static void call_tool(struct server_call *c, const struct talk *t)
{
    struct arena *a = server_call_arena(c);
    Google__Protobuf__Value place = GOOGLE__PROTOBUF__VALUE__INIT;
    place.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    place.string_value = text_in(a, "Berlin");
    Google__Protobuf__Struct__FieldsEntry entry = GOOGLE__PROTOBUF__STRUCT__FIELDS_ENTRY__INIT;
    Google__Protobuf__Struct__FieldsEntry *entries = &entry;
    entry.key = text_in(a, "place");
    entry.value = &place;
    Google__Protobuf__Struct arguments = GOOGLE__PROTOBUF__STRUCT__INIT;
    arguments.fields = &entries;
    arguments.n_fields = 1;
    Demo__V1__ToolCall tool = DEMO__V1__TOOL_CALL__INIT;
    tool.call_id = text_in(a, "call-%d", t->turn);
    tool.name = text_in(a, "get_weather");
    tool.arguments = &arguments;
    Demo__V1__ChatResponse r = DEMO__V1__CHAT_RESPONSE__INIT;
    r.turn = t->turn;
    r.part_case = DEMO__V1__CHAT_RESPONSE__PART_TOOL_CALL;
    r.tool_call = &tool;
    demo__v1__text_generation__chat__reply(c, &r);
}

static char *show(struct arena *a, const Google__Protobuf__Value *v)
{
    switch (v ? v->kind_case : GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE: return text_in(a, "%g", v->number_value);
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE: return text_in(a, "%s", v->string_value);
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
        return text_in(a, "%s", v->bool_value ? "true" : "false");
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
        return text_in(a, "an object of %zu", v->struct_value->n_fields);
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        return text_in(a, "a list of %zu", v->list_value->n_values);
    default: return text_in(a, "nothing");
    }
}

static void answer(struct server_call *c, const struct talk *t, const Demo__V1__ChatRequest *turn)
{
    struct arena *a = server_call_arena(c);
    if (turn->turn_case == DEMO__V1__CHAT_REQUEST__TURN_TOOL_RESULT) {
        say(c, t, text_in(a, "The tool says %s.", show(a, turn->tool_result->result)));
    } else if (turn->turn_case != DEMO__V1__CHAT_REQUEST__TURN_TEXT) {
        reply_bad_field(c, "turn", "must be text or a tool's result");
    } else if (strstr(turn->text, "weather")) {
        call_tool(c, t);
    } else {
        say(c, t, text_in(a, "You said (%u): %s", language_count(str_c(turn->text)), turn->text));
    }
}

void chat(struct server_call *c, const Demo__V1__ChatRequest *request)
{
    struct talk *t = server_call_state(c);
    if (!request) {
        server_call_finish(c);
        return;
    }
    if (!t) {
        t = ready_model(c, request->model) ? arena_alloc(server_call_arena(c), sizeof *t) : NULL;
        if (!t)
            return;
        t->model = text_in(server_call_arena(c), "%s", request->model);
        server_call_set_state(c, t, NULL);
    }
    t->turn++;
    answer(c, t, request);
}
