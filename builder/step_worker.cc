#include "builder/step_worker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "builder/add_remote.h"
#include "builder/keys.h"
#include "builder/run_mounts.h"
#include "builder/time_rule.h"
#include "builder/workdir_step.h"
#include "layers/overlay_upper.h"
#include "layers/seal.h"
#include "layers/tree_walk.h"

namespace bld::builder {

namespace {

constexpr unsigned kSealers = 2;

// What a bind mount shows of a context, as a selection: its digest is part of the key.
CopyOperation mounted_files(const MountOperation& mount) {
  CopyOperation operation;
  operation.sources.emplace_back(mount.mount.source.empty() ? std::string("/")
                                                            : mount.mount.source);
  operation.destination = "/";
  return operation;
}

base::Error failure(const RunOperation& operation, const runtime::Exit& exit) {
  const std::string& script = operation.script;
  const std::string command =
      script.empty() ? base::join(operation.args, " ") : script.substr(0, script.find('\n'));
  base::Error error("the {} \"{}\" failed with exit code: {}",
                    script.empty() ? "command" : "script", base::printable(command).substr(0, 500),
                    exit.status);
  if (exit.oom_killed) error.hint("it ran out of memory and was killed by the kernel");
  if (exit.status == 137 && !exit.oom_killed) {
    error.hint("it was killed (SIGKILL): by the kernel for want of memory, or by somebody");
  }
  error.exit_status(exit.status);
  return error;
}

void locate(base::Error& error, const Step& step) {
  if (!step.trigger.empty()) error.add_context(step.trigger);
  error.at(step.position);
}

}  // namespace

StepWorker::StepWorker(const Surroundings& surroundings, std::stop_token stop)
    : surroundings_(surroundings), stop_(std::move(stop)), sealers_(kSealers) {}

const Context& StepWorker::context(const FromContext& from) const {
  const auto found = surroundings_.contexts.find(from.name);
  BLD_CHECK(found != surroundings_.contexts.end());
  return found->second;
}

Selection StepWorker::select_from(const FromContext& from, const CopyOperation& operation) {
  const Context& files = context(from);
  return select(operation, {.root = &files.root(),
                            .ignore = &files.ignore(),
                            .digests = &surroundings_.digests,
                            .fetched = fetch(operation)});
}

// Remote sources are brought here before anything runs: their content is part of the key.
std::vector<FetchedSource> StepWorker::fetch(const CopyOperation& operation) {
  std::vector<FetchedSource> fetched;
  const auto& places = operation.places.sources;
  for (std::size_t i = 0; i < operation.sources.size(); ++i) {
    const auto* text = std::get_if<std::string>(&operation.sources[i]);
    if (text == nullptr || !is_remote(operation, *text)) continue;
    const base::RootedDir scratch =
        base::RootedDir::open(surroundings_.services.store.make_temp_dir());
    const BuildRequest& request = surroundings_.request;
    base::with_position(i < places.size() ? std::optional(places[i]) : std::nullopt, [&] {
      fetched.push_back(fetch_remote(
          *text,
          {.checksum = operation.checksum,
           .keep_git_dir = operation.keep_git_dir,
           .access = {.connection = request.connection, .silence = request.remote_silence}},
          scratch, stop_));
    });
  }
  return fetched;
}

std::vector<base::Sha256Value> StepWorker::read_contexts(NodeId id, const Step& step) try {
  std::vector<base::Sha256Value> contents;
  if (const auto* copy = std::get_if<FileOperation>(&step.operation)) {
    if (const auto* from = std::get_if<FromContext>(&copy->source)) {
      const auto place = selections_.emplace(id, select_from(*from, copy->copy)).first;
      contents.push_back(place->second.digest());
    }
  }
  if (const auto* run = std::get_if<RunOperation>(&step.operation)) {
    for (const MountOperation& mount : run->mounts) {
      const auto* from = std::get_if<FromContext>(&mount.source);
      if (from != nullptr) contents.push_back(select_from(*from, mounted_files(mount)).digest());
    }
  }
  return contents;

} catch (base::Error& error) {
  locate(error, step);
  throw;
}

std::string StepWorker::content_key_of(const Step& step, const StepResult& result) const {
  std::vector<base::Sha256Value> contents = result.contents;
  for (const Snapshot& mounted : result.mounted) {
    const image::ChainId chain = image::chain_id(mounted.diff_ids());
    contents.push_back(base::Sha256::of(base::as_bytes(chain.digest.str())));
  }
  return content_key(step, surroundings_.request, result.below.diff_ids(), contents);
}

bool is_too_old(const store::StepRecord& record, const BuildRequest& request) {
  return request.cache_since && record.created_at < *request.cache_since;
}

// Whether the same operation was done before upon the same content. Seals are only waited for when
// the operation was ever recorded.
bool StepWorker::find_known(const Step& step, StepResult& result) const {
  if (!surroundings_.request.use_cache || step.anew) return false;
  store::Store& store = surroundings_.services.store;
  if (!store.latest_step(operation_label(step.operation))) return false;
  const auto record = store.find_step(content_key_of(step, result));
  if (!record || is_too_old(*record, surroundings_.request)) return false;
  result.was_known = true;
  result.recorded_at = record->created_at;
  if (record->layer) {
    result.layer = LayerHandle::stored(*record->layer);
    result.snapshot = result.below.with(result.layer);
  }
  return true;
}

RootView StepWorker::look_into(const Snapshot& snapshot) const {
  const Services& services = surroundings_.services;
  return services.roots.look_into(services.roots.to_mount(snapshot.stack(services.store)));
}

StepResult StepWorker::perform(NodeId id, const Step& step, const std::vector<Snapshot>& inputs,
                               const std::vector<base::Sha256Value>& contexts, Wanted wanted) try {
  StepResult result;
  result.below = inputs.front();
  result.snapshot = inputs.front();
  result.contents = contexts;
  if (const auto* run_operation = std::get_if<RunOperation>(&step.operation)) {
    run(step, *run_operation, inputs, result);
  } else if (const auto* workdir = std::get_if<WorkdirOperation>(&step.operation)) {
    if (!find_known(step, result)) {
      write(place_directory(workdir->path, workdir->user, existing(result.below)), wanted, result);
    }
  } else {
    copy(id, step, std::get<FileOperation>(step.operation), inputs, wanted, result);
  }
  return result;

} catch (base::Error& error) {
  locate(error, step);
  throw;
}

void StepWorker::copy(NodeId id, const Step& step, const FileOperation& operation,
                      const std::vector<Snapshot>& inputs, Wanted wanted, StepResult& result) {
  std::optional<RootView> stage;  // outlives the selection
  std::optional<Selection> selection;
  if (const auto* from = std::get_if<FromStep>(&operation.source)) {
    stage = look_into(inputs.at(from->input));
    selection = select(operation.copy, {.root = &stage->root(), .owners = SourceOwners::kKept});
    result.contents.push_back(selection->digest());
  } else {
    selection = selections_.at(id);
  }
  if (find_known(step, result)) return;
  const base::RootedDir scratch =
      base::RootedDir::open(surroundings_.services.store.make_temp_dir());
  write(place(operation.copy, *selection, existing(result.below), scratch), wanted, result);
}

StackFiles StepWorker::existing(const Snapshot& snapshot) const {
  return {snapshot, surroundings_.services.store, surroundings_.services.roots};
}

// The entries as a new layer: a tree if somebody is going to read its files, else only a blob.
void StepWorker::write(std::vector<layers::SourcedEntry> entries, Wanted wanted,
                       StepResult& result) {
  if (entries.empty()) return;
  const layers::SealOptions times = time_rule(surroundings_.request);
  for (layers::SourcedEntry& entry : entries) {
    entry.entry.mtime_sec = layers::sealed_mtime(entry.entry.mtime_sec, times);
  }
  if (wanted == Wanted::kTree) {
    store::Store& store = surroundings_.services.store;
    store::ActiveTree tree = store.new_tree();
    const auto root = layers::prepare_upper(result.below.trees(store), tree.fs());
    layers::write_entries_as_tree(entries, base::RootedDir::open(tree.fs()));
    add_tree(std::move(tree), root, result);
  } else {
    result.layer = LayerHandle::written(write_blob(entries));
    result.snapshot = result.below.with(result.layer);
  }
}

image::DiffId StepWorker::write_blob(const std::vector<layers::SourcedEntry>& entries) {
  store::Transaction transaction = surroundings_.services.store.begin();
  layers::SealedLayer sealed;
  const image::Descriptor blob = transaction.put_blob(
      [&](base::ByteSink& sink) { sealed = layers::write_entries_as_tar(entries, &sink); },
      image::MediaType::kOciLayerTar);
  surroundings_.services.store.write_toc(sealed.diff_id, [&](layers::TocWriter& toc) {
    for (const layers::SourcedEntry& sourced : entries) toc.add(sourced.entry);
  });
  store::Layer layer;
  layer.diff_id = sealed.diff_id;
  layer.tar_size_bytes = sealed.tar_size;
  layer.blobs = {blob};
  transaction.record_layer(layer);
  std::move(transaction).commit();
  return sealed.diff_id;
}

// Commits the tree and has it read in the background; nobody waits for that but the image.
void StepWorker::add_tree(store::ActiveTree tree,
                          const std::optional<layers::FileEntry>& root_below, StepResult& result) {
  store::Store& store = surroundings_.services.store;
  layers::SealOptions options = time_rule(surroundings_.request);
  options.parent_root = root_below;
  const std::string tree_id = store.commit_tree(tree);
  // Nobody waits until the mount's scratch is removed.
  sealers_.submit(
      [scratch = std::move(tree)]() mutable { const store::ActiveTree ends = std::move(scratch); });
  std::shared_future<Sealed> sealed = sealers_.submit([&store, tree_id, options] {
    const layers::SealedLayer layer =
        layers::seal(base::RootedDir::open(store.tree_path(tree_id)), options);
    return Sealed{layer.diff_id, layer.tar_size, options};
  });
  result.layer = LayerHandle::sealing(tree_id, std::move(sealed));
  result.snapshot = result.below.with(result.layer);
}

void StepWorker::run(const Step& step, const RunOperation& operation,
                     const std::vector<Snapshot>& inputs, StepResult& result) {
  result.mounted.assign(inputs.begin() + 1, inputs.end());
  if (find_known(step, result)) return;
  store::Store& store = surroundings_.services.store;
  const std::vector<std::filesystem::path> lower =
      surroundings_.services.roots.to_mount(result.below.stack(store));
  store::ActiveTree tree = store.new_tree();
  const auto root = layers::prepare_upper(lower, tree.fs());

  const runtime::OverlayRoot files{.lower = lower, .upper = tree.fs(), .work = tree.work()};
  const auto user = [&] {
    return user_of(operation, files, surroundings_.request.commands, surroundings_.services).user;
  };
  const RunMounts mounts(operation.mounts, {.request = surroundings_.request,
                                            .services = surroundings_.services,
                                            .contexts = surroundings_.contexts,
                                            .inputs = inputs,
                                            .root = files,
                                            .user = user,
                                            .stop = stop_});
  RunOperation with_mounts = operation;
  with_mounts.unrecorded_env.insert(with_mounts.unrecorded_env.end(), mounts.env().begin(),
                                    mounts.env().end());
  runtime::OutputPipes output([&](bool is_stderr, std::string bytes) {
    surroundings_.services.events.send(base::StepLog{step.event, is_stderr, std::move(bytes)});
  });
  const runtime::Exit exit = run_step(
      with_mounts, files, mounts.mounts(), surroundings_.request.commands, surroundings_.services,
      {.in = surroundings_.request.pass_stdin ? STDIN_FILENO : -1, .output = &output}, stop_);
  output.finish();
  result.usage = {exit.system_time, exit.user_time, exit.input_bytes, exit.output_bytes};
  if (stop_.stop_requested()) throw base::Error("the build was canceled");
  if (exit.status != 0) throw failure(operation, exit);
  // A command that changed nothing makes no layer.
  if (!layers::is_unchanged(tree.fs(), root)) add_tree(std::move(tree), root, result);
}

}  // namespace bld::builder
