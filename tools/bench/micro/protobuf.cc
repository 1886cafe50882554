// protobuf's own C++ JSON (google::protobuf::util) on dynamic messages, made from the same
// descriptor set.
#include "tools/bench/micro/micro.h"

#if __has_include(<google/protobuf/util/json_util.h>)
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <string>

namespace
{

namespace pb = google::protobuf;

struct dynamic {
    pb::DescriptorPool pool;
    pb::DynamicMessageFactory factory{&pool};
    std::unique_ptr<pb::Message> message; // used again for each call
    std::string text;
};

void *open_codec(str set, const char *type)
{
    auto d = std::make_unique<dynamic>();
    pb::FileDescriptorSet files;

    if (!files.ParseFromArray(set.p, static_cast<int>(set.n)))
        return nullptr;
    for (const auto &file : files.file())
        if (!d->pool.BuildFile(file))
            return nullptr;
    const pb::Descriptor *found = d->pool.FindMessageTypeByName(type);
    if (!found)
        return nullptr;
    d->message.reset(d->factory.GetPrototype(found)->New());
    return d.release();
}

bool to_protobuf(void *codec, str json, buf *out)
{
    auto *d = static_cast<dynamic *>(codec);

    d->message->Clear();
    if (!pb::util::JsonStringToMessage({json.p, json.n}, d->message.get()).ok())
        return false;
    d->text.clear();
    return d->message->SerializeToString(&d->text) &&
           buf_add(out, str_of(d->text.data(), d->text.size()));
}

bool to_json(void *codec, str protobuf, buf *out)
{
    auto *d = static_cast<dynamic *>(codec);

    if (!d->message->ParseFromArray(protobuf.p, static_cast<int>(protobuf.n)))
        return false;
    d->text.clear();
    return pb::util::MessageToJsonString(*d->message, &d->text).ok() &&
           buf_add(out, str_of(d->text.data(), d->text.size()));
}

} // namespace

const struct micro_codec micro_codec = {open_codec, to_protobuf, to_json};

#else
const struct micro_codec micro_codec = {nullptr, nullptr, nullptr};
#endif
