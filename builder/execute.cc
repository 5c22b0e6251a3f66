#include "builder/execute.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "builder/keys.h"
#include "builder/step_worker.h"

namespace bld::builder {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaximumErrors = 20;
constexpr int kMaximumLinks = 20;  // of a chain of stages that is told

bool downloads(const Step& step) {
  const auto* file = std::get_if<FileOperation>(&step.operation);
  if (file == nullptr) return false;
  return std::any_of(file->copy.sources.begin(), file->copy.sources.end(), [&](const auto& source) {
    const auto* text = std::get_if<std::string>(&source);
    return text != nullptr && is_remote(file->copy, *text);
  });
}

// What is known of one step while its build runs. Written by the scheduling thread only, except
// what a worker hands back through Executor::finish.
struct Node {
  bool needed = false;                      // somebody waits for its result
  bool anew = false;                        // it, or what it is made from, is to be done again
  bool files_read = false;                  // a step that has to run needs them as files
  std::string key;                          // definition key
  std::vector<base::Sha256Value> contents;  // what it reads from contexts
  std::optional<store::StepRecord> hit;
  std::optional<SharedStep> shared;  // where the hit has to be brought from
  std::size_t missing_inputs = 0;
  std::vector<NodeId> dependents;
  Snapshot result;
};

class Executor {
 public:
  Executor(const Plan& plan, const Surroundings& surroundings, std::stop_token stop)
      : plan_(plan),
        surroundings_(surroundings),
        nodes_(plan.graph.steps.size()),
        instructions_(plan.graph.steps.size()),
        forward_stop_(stop, [this] { stop_.request_stop(); }),
        worker_(surroundings, stop_.get_token()),
        pool_(surroundings.request.jobs > 0 ? surroundings.request.jobs
                                            : base::usable_processors()) {}

  std::vector<Snapshot> run();

 private:
  struct Finished {
    NodeId node;
    StepResult result;
    std::exception_ptr error;
  };

  const Step& step(NodeId id) const { return plan_.graph.steps[id]; }

  void announce();
  void compute_keys();
  void read_contexts(NodeId id, std::optional<base::Error>& failed);
  bool reads(NodeId id, NodeId input) const;
  void find_hit(NodeId id);
  void find_hits();
  std::vector<NodeId> awaited(NodeId id) const;
  void schedule();
  void start(NodeId id, std::deque<NodeId>& ready);
  StepResult work(NodeId id);
  Snapshot result_of_hit(NodeId id) const;
  std::string stage_note(const Step& step) const;
  void settle(Finished finished, std::deque<NodeId>& ready);
  void done(NodeId id, std::deque<NodeId>& ready);
  void finish(Finished finished) EXCLUDES(mutex_);
  void tell(NodeId id, base::StepOutcome outcome, std::chrono::nanoseconds duration,
            const base::StepUsage& usage = {});
  void record();
  void publish();

  const Plan& plan_;
  const Surroundings& surroundings_;
  std::vector<Node> nodes_;
  std::vector<std::vector<base::StepId>> instructions_;  // that show each step
  std::vector<std::pair<NodeId, StepResult>> made_;      // to be recorded
  std::exception_ptr error_;
  std::size_t running_ = 0;

  base::Mutex mutex_;
  base::CondVar wake_;
  std::deque<Finished> finished_ GUARDED_BY(mutex_);

  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_stop_;
  StepWorker worker_;
  base::ThreadPool pool_;  // last: its threads use all of the above
};

base::StepUsage usage_of_thread() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  const auto time = [](const timeval& value) {
    return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
  };
  constexpr std::uint64_t kBlockBytes = 512;
  return {time(usage.ru_stime), time(usage.ru_utime),
          static_cast<std::uint64_t>(usage.ru_inblock) * kBlockBytes,
          static_cast<std::uint64_t>(usage.ru_oublock) * kBlockBytes};
}

void add_usage(base::StepUsage& sum, const base::StepUsage& now, const base::StepUsage& before) {
  sum.system_time += now.system_time - before.system_time;
  sum.user_time += now.user_time - before.user_time;
  sum.input_bytes += now.input_bytes - before.input_bytes;
  sum.output_bytes += now.output_bytes - before.output_bytes;
}

// All that an operation looks at must be there before it starts; a hit only stands on something.
std::vector<NodeId> Executor::awaited(NodeId id) const {
  const auto& inputs = step(id).inputs;
  if (!nodes_[id].hit || inputs.empty()) return inputs;
  return {inputs.front()};
}

void Executor::announce() {
  for (const PlannedInstruction& instruction : plan_.instructions) {
    surroundings_.services.events.send(instruction.shown);
    if (instruction.step) {
      instructions_[*instruction.step].push_back(instruction.shown.step);
    } else {
      surroundings_.services.events.send(
          base::StepFinished{instruction.shown.step, base::StepOutcome::kMetadata, {}, ""});
    }
  }
}

// Inputs have smaller numbers than what uses them: one pass back marks, one pass forth computes.
void Executor::compute_keys() {
  std::vector<bool> reachable(nodes_.size());
  reachable[plan_.result] = true;
  for (const NodeId id : plan_.also_wanted) reachable[id] = true;
  for (NodeId id = nodes_.size(); id-- > 0;) {
    if (!reachable[id]) continue;
    for (const NodeId input : step(id).inputs) reachable[input] = true;
  }
  std::optional<base::Error> failed;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (!reachable[id]) continue;
    std::vector<std::string> input_keys;
    nodes_[id].anew = step(id).anew;
    for (const NodeId input : step(id).inputs) {
      input_keys.push_back(nodes_[input].key);
      nodes_[id].anew = nodes_[id].anew || nodes_[input].anew;
    }
    if (!failed || !downloads(step(id))) read_contexts(id, failed);
    nodes_[id].key =
        definition_key(step(id), surroundings_.request, input_keys, nodes_[id].contents);
  }
  if (failed) throw *failed;
  surroundings_.digests.save();
}

// A RUN stands on files, and a copy has them as its source; what a copy is put upon is only looked
// up in.
bool Executor::reads(NodeId id, NodeId input) const {
  const Step& step = this->step(id);
  if (std::holds_alternative<RunOperation>(step.operation)) return true;
  const auto* file = std::get_if<FileOperation>(&step.operation);
  const auto* from = file != nullptr ? std::get_if<FromStep>(&file->source) : nullptr;
  return from != nullptr && step.inputs.at(from->input) == input;
}

// What is missing is told in one go.
void Executor::read_contexts(NodeId id, std::optional<base::Error>& failed) {
  try {
    nodes_[id].contents = worker_.read_contexts(id, step(id));
  } catch (const base::Error& error) {
    if (!failed) {
      failed = error;
    } else if (failed->more().size() < kMaximumErrors) {
      failed->add_more(error);
    }
  }
}

// In the store, else in the repositories of --cache-from.
void Executor::find_hit(NodeId id) {
  Node& node = nodes_[id];
  node.hit = surroundings_.services.store.find_step(node.key);
  if (node.hit && is_too_old(*node.hit, surroundings_.request)) node.hit.reset();
  if (node.hit) return;
  node.shared = surroundings_.shared.find(node.key);
  if (node.shared && is_too_old(node.shared->record, surroundings_.request)) node.shared.reset();
  if (!node.shared) return;
  node.shared->record.label = operation_label(step(id).operation);
  node.hit = node.shared->record;
}

// From the target down: what only a hit needed is not even looked up.
void Executor::find_hits() {
  nodes_[plan_.result].needed = true;
  for (const NodeId id : plan_.also_wanted) nodes_[id].needed = true;
  for (NodeId id = nodes_.size(); id-- > 0;) {
    Node& node = nodes_[id];
    if (!node.needed) continue;
    const bool is_base = std::holds_alternative<BaseOperation>(step(id).operation);
    if (!is_base && surroundings_.request.use_cache && !node.anew) find_hit(id);
    for (const NodeId input : awaited(id)) {
      Node& below = nodes_[input];
      below.needed = true;
      below.files_read = below.files_read || node.files_read || (!node.hit && reads(id, input));
      if (std::find(below.dependents.begin(), below.dependents.end(), id) ==
          below.dependents.end()) {
        below.dependents.push_back(id);
        ++node.missing_inputs;
      }
    }
  }
}

void Executor::schedule() {
  std::deque<NodeId> ready;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (nodes_[id].needed && nodes_[id].missing_inputs == 0) ready.push_back(id);
  }
  while (!ready.empty() || running_ > 0) {
    while (!ready.empty()) {
      const NodeId id = ready.front();
      ready.pop_front();
      start(id, ready);
    }
    if (running_ == 0) break;
    Finished finished;
    {
      const base::MutexLock lock(mutex_);
      while (finished_.empty()) wake_.wait(mutex_);
      finished = std::move(finished_.front());
      finished_.pop_front();
    }
    --running_;
    settle(std::move(finished), ready);
  }
}

void Executor::start(NodeId id, std::deque<NodeId>& ready) {
  Node& node = nodes_[id];
  if (error_ || stop_.stop_requested()) return;
  if (const auto* base = std::get_if<BaseOperation>(&step(id).operation)) {
    std::vector<std::shared_ptr<LayerHandle>> layers;
    for (const auto& diff_id : base->layers) layers.push_back(LayerHandle::stored(diff_id));
    node.result = Snapshot(std::move(layers));
    tell(id, base::StepOutcome::kDone, {});
    return done(id, ready);
  }
  if (node.hit && !node.shared) {
    node.result = result_of_hit(id);
    tell(id, base::StepOutcome::kCached, {});
    return done(id, ready);
  }
  ++running_;
  for (const base::StepId shown : instructions_[id]) {
    surroundings_.services.events.send(base::StepStarted{shown});
  }
  const auto task = [this, id] {
    Finished finished{id, {}, nullptr};
    const auto start_time = Clock::now();
    const base::StepUsage before = usage_of_thread();
    try {
      finished.result = work(id);
    } catch (base::Error& error) {
      error.at(step(id).position);
      const std::string stage = stage_note(step(id));
      if (!stage.empty()) error.note(stage);
      finished.error = std::current_exception();
    } catch (...) {
      finished.error = std::current_exception();
    }
    finished.result.duration = Clock::now() - start_time;
    add_usage(finished.result.usage, usage_of_thread(), before);
    finish(std::move(finished));
  };
  // Alone, and with nothing to do before it ends: no other thread need be woken for it.
  if (running_ == 1 && ready.empty()) {
    task();
  } else {
    pool_.submit(task);
  }
}

// By a worker. The results of all inputs are there, and stay as they are.
StepResult Executor::work(NodeId id) {
  const Node& node = nodes_[id];
  if (!node.shared) {
    std::vector<Snapshot> inputs;
    for (const NodeId input : step(id).inputs) inputs.push_back(nodes_[input].result);
    return worker_.perform(id, step(id), inputs, node.contents,
                           node.files_read ? Wanted::kTree : Wanted::kAnyFace);
  }
  surroundings_.shared.bring(*node.shared);
  StepResult result;
  result.snapshot = result_of_hit(id);
  result.was_known = true;
  return result;
}

Snapshot Executor::result_of_hit(NodeId id) const {
  const Snapshot& below = nodes_[step(id).inputs.front()].result;
  const auto& layer = nodes_[id].hit->layer;
  return layer ? below.with(LayerHandle::stored(*layer)) : below;
}

// What the stage of the step is built for; nothing where there is one stage only.
std::string Executor::stage_note(const Step& step) const {
  if (plan_.stages.size() < 2 || step.event < 0) return {};
  const auto& shown = plan_.instructions[static_cast<std::size_t>(step.event)].shown;
  const auto own =
      std::find_if(plan_.stages.begin(), plan_.stages.end(),
                   [&](const BuiltStage& built) { return built.number == shown.stage; });
  auto index = static_cast<std::size_t>(own - plan_.stages.begin());
  const auto name = [&] {
    const BuiltStage& stage = plan_.stages[index];
    const bool is_target = index + 1 == plan_.stages.size();
    return fmt::format("{}{}", is_target ? "target " : "stage ", stage.name);
  };
  std::string text = "in " + name();
  for (int links = 0; plan_.stages[index].used_by && links < kMaximumLinks; ++links) {
    text += " ← " + plan_.stages[index].use;
    index = *plan_.stages[index].used_by;
    text += " ← " + name();
  }
  return text;
}

void Executor::finish(Finished finished) {
  const base::MutexLock lock(mutex_);
  finished_.push_back(std::move(finished));
  wake_.notify_one();
}

void Executor::settle(Finished finished, std::deque<NodeId>& ready) {
  const NodeId id = finished.node;
  if (finished.error) {
    const bool was_stopped = stop_.stop_requested();
    tell(id, was_stopped ? base::StepOutcome::kCanceled : base::StepOutcome::kFailed,
         finished.result.duration, finished.result.usage);
    if (!error_) error_ = finished.error;
    stop_.request_stop();
    return;
  }
  nodes_[id].result = finished.result.snapshot;
  tell(id, finished.result.was_known ? base::StepOutcome::kCached : base::StepOutcome::kDone,
       finished.result.duration, finished.result.usage);
  if (!nodes_[id].shared) made_.emplace_back(id, std::move(finished.result));
  done(id, ready);
}

void Executor::done(NodeId id, std::deque<NodeId>& ready) {
  for (const NodeId dependent : nodes_[id].dependents) {
    if (--nodes_[dependent].missing_inputs == 0) ready.push_back(dependent);
  }
}

void Executor::tell(NodeId id, base::StepOutcome outcome, std::chrono::nanoseconds duration,
                    const base::StepUsage& usage) {
  for (const base::StepId shown : instructions_[id]) {
    surroundings_.services.events.send(
        base::StepFinished{shown, outcome, duration, nodes_[id].key, usage});
  }
}

// One transaction for all that was made. A layer that could not be sealed, and what stands on it,
// is left out: assembling the image reports why.
void Executor::record() {
  if (made_.empty()) return;
  store::Transaction transaction = surroundings_.services.store.begin();
  for (auto& [id, result] : made_) {
    try {
      store::StepRecord record;
      record.key = nodes_[id].key;
      record.content_key = worker_.content_key_of(step(id), result);
      record.label = operation_label(step(id).operation);
      // What was only found again stays as old as it is.
      if (result.recorded_at) record.created_at = *result.recorded_at;
      if (result.layer) {
        if (result.layer->is_new()) transaction.record_layer(result.layer->record());
        record.layer = result.layer->diff_id();
      }
      transaction.record_step(std::move(record));
    } catch (const base::Error&) {
      break;
    }
  }
  std::move(transaction).commit();
}

// Also what was done before another step failed: its error is the one to be told.
void Executor::publish() try {
  std::vector<std::string> keys;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    const bool is_base = std::holds_alternative<BaseOperation>(step(id).operation);
    if (nodes_[id].needed && !is_base) keys.push_back(nodes_[id].key);
  }
  surroundings_.shared.publish(keys);

} catch (const base::Error&) {
  if (!error_) throw;
}

std::vector<Snapshot> Executor::run() {
  announce();
  compute_keys();
  find_hits();
  schedule();
  record();
  if (!error_ && stop_.stop_requested()) throw base::Error("the build was canceled");
  publish();
  if (error_) std::rethrow_exception(error_);
  std::vector<Snapshot> results;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    // Instructions of stages that a hit made unnecessary.
    if (!nodes_[id].needed) tell(id, base::StepOutcome::kCached, {});
    results.push_back(std::move(nodes_[id].result));
  }
  return results;
}

}  // namespace

std::vector<Snapshot> execute(const Plan& plan, const Surroundings& surroundings,
                              std::stop_token stop) {
  return Executor(plan, surroundings, std::move(stop)).run();
}

}  // namespace bld::builder
