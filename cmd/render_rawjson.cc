#include "cmd/render_rawjson.h"

#include "base/json.h"
#include "base/text.h"

namespace bld::cmd {

namespace {

using base::Json;

Json object(const char* type) {
  Json json = Json::object();
  json.add("type", type);
  return json;
}

Json number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

const char* outcome_name(base::StepOutcome outcome) {
  switch (outcome) {
    case base::StepOutcome::kDone:
      return "done";
    case base::StepOutcome::kCached:
      return "cached";
    case base::StepOutcome::kMetadata:
      return "metadata";
    case base::StepOutcome::kFailed:
      return "failed";
    case base::StepOutcome::kCanceled:
      return "canceled";
  }
  return "";
}

Json json_of(const base::StepPlanned& event) {
  Json json = object("step");
  json.add("step", event.step);
  json.add("stage", event.stage);
  json.add("stageCount", event.stage_count);
  json.add("stageName", event.stage_name);
  json.add("number", event.number);
  json.add("count", event.count);
  json.add("platform", event.platform);
  json.add("text", event.text);
  return json;
}

Json json_of(const base::StepStarted& event) {
  Json json = object("started");
  json.add("step", event.step);
  return json;
}

// JSON is UTF-8; other bytes are shown as \xNN.
Json json_of(const base::StepLog& event) {
  Json json = object("log");
  json.add("step", event.step);
  json.add("stream", event.is_stderr ? "stderr" : "stdout");
  std::string text;
  std::string_view rest = event.bytes;
  for (;;) {
    const std::size_t end = rest.find_first_of("\n\r\t\x1b");
    text += base::printable(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    text += rest[end];
    rest.remove_prefix(end + 1);
  }
  json.add("text", text);
  return json;
}

Json json_of(const base::StepFinished& event) {
  Json json = object("finished");
  json.add("step", event.step);
  json.add("outcome", outcome_name(event.outcome));
  json.add("nanoseconds", static_cast<std::int64_t>(event.duration.count()));
  json.add("result", event.result_id);
  return json;
}

Json json_of(const base::Transfer& event) {
  Json json = object("transfer");
  json.add("id", event.id);
  json.add("action", event.action);
  json.add("bytes", number(event.bytes));
  if (event.total) json.add("total", number(*event.total));
  json.add("done", event.done);
  return json;
}

Json json_of(const base::Warning& event) {
  Json json = object("warning");
  json.add("text", base::printable(event.text));
  if (event.position) {
    json.add("file", base::printable(event.position->file));
    json.add("line", event.position->line);
    json.add("column", event.position->column);
  }
  if (!event.rule.empty()) {
    json.add("rule", event.rule);
    json.add("url", event.url);
  }
  return json;
}

Json json_of(const base::Note& event) {
  Json json = object("note");
  json.add("text", base::printable(event.text));
  return json;
}

}  // namespace

void RawJsonRenderer::send(const base::Event& event) {
  const std::string line =
      std::visit([](const auto& what) { return json_of(what).str(); }, event) + "\n";
  const base::MutexLock lock(mutex_);
  streams_.err(line);
}

}  // namespace bld::cmd
