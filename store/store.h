// Everything that outlives the process: blobs, layer trees, images and their names, the step cache,
// working containers.
//
//     <root>/store.db          SQLite, WAL; the only thing that says what exists
//     <root>/blobs/sha256/HEX  immutable content, as in an OCI layout
//     <root>/trees/ID/         one directory tree a layer, in overlay format
//     <root>/tocs/DIFFID       tables of contents, made again where they are missing
//     <root>/cache/ID/         RUN --mount=type=cache; ID is the digest of the user's text
//     <root>/mount-points/     see Store::mount_points
//     <root>/containers/ID/    upper/ and work/ of a working container, and its lock
//     <root>/tmp/              unfinished work: LEASE/ belongs to whoever holds the lock on
//     LEASE.lease <root>/gc.lock           shared while something is pinned, exclusive while gc
//     takes things away
//
// An object is complete, verified and on disk before it has its final name, and has its final name
// before a row points to it; deleting goes the other way round. So a crash between any two
// instructions leaves the old state or the new one, and garbage in tmp/ that the next open removes.
//
// Pins: what this store found, put or made stays on disk until the Store is destroyed, whatever
// other processes remove or prune, also before it is committed. The pins of a process are lines in
// its lease file and end with its lock.
//
// Lock order: container lock → gc.lock → the database. No lock is held while content is read,
// compressed or extracted. A database that is busy is waited for (minutes).
//
// Neither the database nor a lock survives fork: open the store after the launcher was forked.
//
// All methods may be called from any thread. Any number of processes may use one store.
// Failures of the world are base::Error; what may well not be there is an optional.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/file_lock.h"
#include "base/rooted_dir.h"
#include "base/unique_fd.h"
#include "image/descriptor.h"
#include "image/digest.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "layers/compression.h"
#include "layers/toc.h"
#include "store/records.h"
#include "store/transaction.h"

namespace bld::store {

enum class Access { kReadWrite, kReadOnly };

struct StoreOptions {
  std::filesystem::path root;
  Access access = Access::kReadWrite;  // read-only: nothing is made, pinned or cleaned up
  // Called once where a working container (by its name) is not free within two seconds, before
  // waiting on.
  std::function<void(const std::string& container)> waiting = {};
  std::stop_token stop = {};  // ends that wait with an Error
};

// /var/lib/bld for root, else $XDG_DATA_HOME/bld or ~/.local/share/bld. `is_root` is about the
// user who called bld: inside of a user namespace everybody is uid 0.
std::filesystem::path default_root(bool is_root);

class Store {
 public:
  // Makes the store where there is none. One that is damaged, newer than this bld, or open to
  // others (not 0700, not ours) is refused in one line and left as it is.
  static Store open(const StoreOptions& options);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  const std::filesystem::path& root() const;

  // Changes that become visible together; several may be open. See transaction.h.
  Transaction begin();

  // ── blobs ────────────────────────────────────────────────────────────────────────────────────
  std::optional<image::Descriptor> find_blob(const image::Digest& digest);
  // For reading. Throws when it is not there.
  base::UniqueFd open_blob(const image::Digest& digest);
  std::filesystem::path blob_path(const image::Digest& digest) const;

  // ── layers ───────────────────────────────────────────────────────────────────────────────────
  std::optional<Layer> find_layer(const image::DiffId& diff_id);
  // Whose tar, compressed or not, has this digest: a layer that need not be pulled. Also answers
  // for blobs that were seen once and are no longer on disk, as long as the layer is.
  std::optional<Layer> find_layer_of_blob(const image::Digest& digest);

  // The directory to use as an overlay lower. Short, because hundreds of them are mounted.
  std::filesystem::path tree_path(std::string_view tree_id) const;

  // A new, empty directory for a step to fill. See ActiveTree.
  ActiveTree new_tree();
  // Gives a finished tree its id and its place; from now on it is immutable. It belongs to no layer
  // yet: Transaction::record_layer says so, once it is sealed; else it goes with this Store.
  // What is left in `tree`, the scratch, goes with that, or is used again.
  std::string commit_tree(ActiveTree& tree);
  // A tree of empty directories and files for what each container has mounted on them: /proc, /sys,
  // /dev, and in /etc hosts, hostname and resolv.conf. As the lowest of a stack it spares making
  // what an image lacks of them. Made when first asked for.
  std::filesystem::path mount_points();
  // The layer with a tree: extracted from its blob now unless it is there. `parents` are the layers
  // below, lowest first; where the layer has implied parents, their trees are made first.
  Layer ensure_tree(const image::DiffId& diff_id, std::span<const image::DiffId> parents = {});
  // The ID of the tree that ensure_tree() gives, if it is there; else empty.
  std::string find_tree(const image::DiffId& diff_id, std::span<const image::DiffId> parents = {});
  // The layer's blob in this compression: made from another blob or from the tree unless it is
  // there, verified against the diffID, and kept. A level of 0 is the usual one. Any blob of that
  // compression counts as "there", whatever its level.
  image::Descriptor ensure_blob(const image::DiffId& diff_id, layers::Compression compression,
                                int level = 0);

  // What a tree of the layer would show, without one: kept since its blob was read, or read from
  // there now. Nothing where that is too much to hold in memory.
  std::optional<layers::Toc> read_toc(const image::DiffId& diff_id);
  // Of a layer that is being made; `fill` adds all of it, in the order of its tar.
  void write_toc(const image::DiffId& diff_id, const std::function<void(layers::TocWriter&)>& fill);

  // ── images and names ─────────────────────────────────────────────────────────────────────────
  // By name ("app", "localhost/app:1", "docker.io/library/app@sha256:…"), ID, or unique prefix of
  // an ID, also with "sha256:". Names are tried exactly, then as localhost/NAME, then as
  // docker.io/library/NAME; a name goes before an ID. An ambiguous prefix is an Error.
  // Pins the image with its layers.
  std::optional<ImageRecord> find_image(std::string_view text);
  std::optional<ImageRecord> find_image(const image::Reference& name);
  // find_image, or the Error "NAME: image not known".
  ImageRecord get_image(std::string_view text);
  // All, newest first. Pins nothing.
  std::vector<ImageRecord> images();

  std::string read_manifest_text(const image::Digest& manifest_digest);
  std::string read_config_text(const image::Digest& config_digest);
  image::Manifest read_manifest(const image::Digest& manifest_digest);
  image::ImageConfig read_config(const image::Digest& config_digest);

  // Takes the name away; the image stays, perhaps unnamed. False when there is no such name.
  bool untag(const image::Reference& name);
  enum class Force { kNo, kYes };
  // `text` as for find_image. A name of several is only untagged; by ID, an image of several names
  // needs force. An image that a working container uses is refused; force removes the containers.
  // Frees what only this image held; layers of the step cache stay. Throws "image not known".
  RemovedImage remove_image(std::string_view text, Force force);

  // ── step cache ───────────────────────────────────────────────────────────────────────────────
  // By definition key or content key; nothing when its layer is no longer on disk. Pins the layer.
  std::optional<StepRecord> find_step(std::string_view key);
  // Records known outcomes outside of a transaction; their layers are in the store. A later record
  // of one key replaces the earlier. A lost one after a power loss is only a missed hit.
  void put_steps(std::span<const StepRecord> steps);
  // The latest record with this label: what a missed key is compared with for --explain.
  std::optional<StepRecord> latest_step(std::string_view label);

  // ── digests of context files ─────────────────────────────────────────────────────────────────
  // One answer for each stamp, in order; nothing where any part of the stamp differs.
  // When a file is too young to be believed (racy) is the caller's to know.
  std::vector<std::optional<base::Sha256Value>> lookup_file_digests(
      std::span<const FileStamp> stamps);
  void remember_file_digests(std::span<const FileDigest> digests);

  // ── working containers ───────────────────────────────────────────────────────────────────────
  // What is changed here survives a crash of bld. Like the container's files, which nobody syncs
  // before a commit, the last of it may be lost with the power; what is removed stays removed.

  // Also makes container_dir() with upper/ and work/. The name must be free (Error as Buildah's).
  Container create_container(Container container);
  std::optional<Container> find_container(std::string_view name_or_id_or_prefix);
  std::vector<Container> containers();                // oldest first
  void update_container(const Container& container);  // name and config
  // At once, whoever works in it: a command that runs there loses its files.
  void remove_container(const std::string& id);
  std::filesystem::path container_dir(const std::string& id) const;
  // Held by a command that changes the container; another waits.
  base::FileLock lock_container(const std::string& id);

  // ── manifest lists ───────────────────────────────────────────────────────────────────────────
  // A name is that of an image or of a list. What becomes of one that is taken: an Error; or it is
  // taken away, from an image, or with the list whose only name it is. (An image that is given the
  // name of a list takes it the same way.)
  enum class TakenName { kRefuse, kReplace };
  ManifestList create_list(ManifestList list, TakenName taken = TakenName::kRefuse);
  // By name (as for find_image) or ID.
  std::optional<ManifestList> find_list(std::string_view text);
  std::vector<ManifestList> lists();  // by name
  // Reads, lets `edit` change the document, and writes, all in one transaction.
  ManifestList edit_list(std::string_view text,
                         const std::function<void(ManifestList&)>& edit);  // throws if unknown
  bool remove_list(std::string_view text);

  // ── directories of RUN --mount=type=cache ────────────────────────────────────────────────────
  // Made when missing (0700); what is in it (data, a lock) is the caller's. `id` is any text of the
  // user; it never becomes a path.
  std::filesystem::path cache_dir(std::string_view id);

  // A directory of ours in tmp/, removed with the store or by the next open after a crash.
  std::filesystem::path make_temp_dir();

  // ── keeping house ────────────────────────────────────────────────────────────────────────────
  // Removes what no image, step, container or pin of a live process reaches.
  GcResult gc();
  // Reads the database, and the directories of containers and of RUN's caches.
  StoreUsage usage();
  // Forgets what the rule lets go, and frees what then nothing reaches. Caches that a step of any
  // process uses stay. Within the limit it only looks.
  GcResult evict_cache(const CacheRule& rule);
  enum class Repair { kNo, kYes };
  // Reads everything: the database, each blob's digest, each tree sealed again and compared with
  // its diffID, and that all that is referenced exists. Repair drops what is damaged, so that a
  // pull or build makes it again.
  std::vector<Finding> check(Repair repair = Repair::kNo);

 private:
  friend class Transaction;
  explicit Store(std::shared_ptr<StoreState> state);
  std::string tree_of(const Layer& layer, std::span<const image::DiffId> parents) const;

  std::shared_ptr<StoreState> state_;
};

}  // namespace bld::store
