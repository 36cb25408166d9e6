#include "scan/known_files.h"

#include "base/error.h"
#include "inventory/certificates.h"
#include "inventory/files.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace everseal::scan {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kFilesAtOnce = 1'000;
// A file that changed so shortly before it was read may have changed again within what its file system counts time in.
constexpr base::Seconds kYoung{2};

bool is_young(const discover::Stamp& stamp, base::Time began) {
  const std::chrono::sys_time<std::chrono::nanoseconds> changed{
      std::chrono::nanoseconds(std::max(stamp.modified, stamp.changed))};
  return changed >= began - kYoung;
}

// Does it depend on nothing but the file's octets?
bool is_of_contents(discover::Reason reason) {
  switch (reason) {
    case discover::Reason::broken:
    case discover::Reason::truncated:
    case discover::Reason::too_large:
    case discover::Reason::unsupported:
      return true;
    default:
      return false;
  }
}

bool may_be_remembered(const discover::File& file, base::Time began) {
  return !is_young(file.stamp, began) &&
         std::ranges::all_of(file.troubles, is_of_contents, &discover::Trouble::reason) &&
         std::ranges::all_of(file.keys, [](const discover::FoundKey& key) { return key.pin.has_value(); });
}

Json binary(base::BytesView octets) { return Json::binary({octets.begin(), octets.end()}); }
Json binary(const base::Untrusted& text) { return binary(base::as_bytes(text.raw())); }

base::Untrusted text_of(const Json& value) {
  const auto& octets = value.get_binary();
  return base::Untrusted(std::string(octets.begin(), octets.end()));
}

template <class Digest>
Digest digest_in(const Json& value) {
  Digest digest{};
  const auto& octets = value.get_binary();
  if (octets.size() != digest.size()) throw Json::other_error::create(501, "a digest of another size", nullptr);
  std::ranges::copy(octets, digest.begin());
  return digest;
}

// CBOR, as names in a container may be any octets.
base::Bytes packed(const discover::File& file) {
  if (file.empty()) return {};
  Json certificates = Json::array(), keys = Json::array(), troubles = Json::array();
  for (const discover::FoundCertificate& one : file.certificates)
    certificates.push_back(
        {binary(one.certificate.fingerprint().octets), one.position, binary(one.entry), static_cast<int>(one.key)});
  for (const discover::FoundKey& one : file.keys) keys.push_back({binary(one.entry), binary(*one.pin)});
  for (const discover::Trouble& one : file.troubles) troubles.push_back({static_cast<int>(one.reason), one.what});
  const Json all{{"container", static_cast<int>(file.container)},
                 {"trust_store", file.is_trust_store},
                 {"certificates", std::move(certificates)},
                 {"keys", std::move(keys)},
                 {"troubles", std::move(troubles)}};
  return Json::to_cbor(all);
}

// False where the inventory does not have one of its certificates.
bool unpack(inventory::Store& store, base::BytesView octets, discover::File& file) {
  inventory::Certificates certificates(store);
  const Json all = Json::from_cbor(octets.begin(), octets.end());
  for (const Json& one : all.at("certificates")) {
    const pki::Fingerprint fingerprint{digest_in<pki::Sha256>(one.at(0))};
    const auto der = certificates.der(fingerprint);
    if (!der) return false;
    file.certificates.push_back({pki::Certificate::parse(*der), one.at(1).get<int>(), text_of(one.at(2)),
                                 static_cast<discover::KeyBeside>(one.at(3).get<int>())});
  }
  for (const Json& one : all.at("keys")) file.keys.push_back({text_of(one.at(0)), digest_in<pki::Sha256>(one.at(1))});
  for (const Json& one : all.at("troubles"))
    file.troubles.push_back({static_cast<discover::Reason>(one.at(0).get<int>()), one.at(1).get<std::string>()});
  file.container = static_cast<discover::Container>(all.at("container").get<int>());
  file.is_trust_store = all.at("trust_store").get<bool>();
  return true;
}

// As it was remembered; nullopt where that cannot be told any more.
std::optional<discover::File> recalled(inventory::Store& store, const discover::File& file) {
  discover::File known;
  known.path = file.path;
  known.stamp = file.stamp;
  known.unchanged = true;
  const auto holds = inventory::Files(store).holds(file.path);
  try {
    if (holds && !holds->empty() && unpack(store, *holds, known)) return known;
  } catch (const Json::exception&) {  // of a version that never was
  } catch (const base::Error& error) {
    if (error.fault() != base::Fault::invalid) throw;
  }
  return std::nullopt;
}

// Of one walk. For the walk's thread, but for has().
class KnownFiles {
 public:
  // `roots`: as the walk has them.
  KnownFiles(inventory::Store& store, std::vector<std::string> roots, base::Time began);

  bool empty() const noexcept { return known_.empty(); }
  // As discover::Known.
  bool has(const std::string& path, const discover::Stamp& stamp) const { return find(path, stamp) != nullptr; }
  // What the walk found, or, where that is unchanged, what was remembered; read after all where the inventory does not
  // have all of it any more.
  discover::File take(discover::File&& file, const discover::Passwords& passwords);
  // Writes what is still to be remembered. `is_whole`: the walk saw all there is, so that the rest is forgotten.
  void finish(bool is_whole);

 private:
  // Of path and stamp: a tree of a million files is to be held against in memory.
  using Digest = std::array<std::uint8_t, 16>;
  struct One {
    Digest digest;
    bool is_empty;
    bool was_met;
  };
  static Digest digest_of(std::string_view path, std::string_view stamp);
  const One* find(const Digest& digest) const;
  const One* find(const std::string& path, const discover::Stamp& stamp) const {
    return find(digest_of(path, stamp.text()));
  }
  void remember(const discover::File& file);
  void forget_others();
  void flush();
  // On a full disk nothing is written, and what would have been is read again the next time.
  template <class Work>
  void write(const Work& work) {
    try {
      inventory::Files files(store_);
      store_.transaction([&] { work(files); }, inventory::Durability::deferred);
    } catch (const base::Error& error) {
      if (error.fault() != base::Fault::io) throw;
    }
  }

  inventory::Store& store_;
  std::vector<std::string> roots_;
  base::Time began_;
  std::vector<One> known_;  // by digest
  std::size_t met_ = 0;
  std::vector<inventory::FileRecord> waiting_;
};

KnownFiles::KnownFiles(inventory::Store& store, std::vector<std::string> roots, base::Time began)
    : store_(store), roots_(std::move(roots)), began_(began) {
  inventory::Files files(store);
  for (const std::string& root : roots_)
    files.each_below(root, discover::kReader, [&](const inventory::Files::Known& known) {
      known_.push_back({digest_of(known.path, known.stamp), known.is_empty, false});
    });
  std::ranges::sort(known_, {}, &One::digest);
  const auto twice = std::ranges::unique(known_, {}, &One::digest);  // of roots within roots
  known_.erase(twice.begin(), twice.end());
}

KnownFiles::Digest KnownFiles::digest_of(std::string_view path, std::string_view stamp) {
  std::string text(path);
  text += '\0';
  text += stamp;
  const pki::Sha256 whole = pki::sha256(base::as_bytes(text));
  Digest digest;
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  return digest;
}

const KnownFiles::One* KnownFiles::find(const Digest& digest) const {
  const auto found = std::ranges::lower_bound(known_, digest, {}, &One::digest);
  return found == known_.end() || found->digest != digest ? nullptr : &*found;
}

discover::File KnownFiles::take(discover::File&& file, const discover::Passwords& passwords) {
  if (!file.unchanged) {
    remember(file);
    return std::move(file);
  }
  const One* const known = find(file.path, file.stamp);
  known_[static_cast<std::size_t>(known - known_.data())].was_met = true;
  ++met_;
  if (known->is_empty) return std::move(file);
  if (auto all = recalled(store_, file)) return std::move(*all);
  discover::File again = discover::look_at_file(file.path, passwords);
  remember(again);
  return again;
}

void KnownFiles::remember(const discover::File& file) {
  if (file.stamp == discover::Stamp() || !may_be_remembered(file, began_)) return;
  waiting_.push_back({.path = file.path,
                      .stamp = file.stamp.text(),
                      .reader = discover::kReader,
                      .read = began_,
                      .holds = packed(file)});
  if (waiting_.size() >= kFilesAtOnce) flush();
}

void KnownFiles::flush() {
  if (!waiting_.empty()) write([&](inventory::Files& files) { files.put(waiting_); });
  waiting_.clear();
}

void KnownFiles::finish(bool is_whole) {
  if (is_whole && met_ < known_.size()) forget_others();
  flush();
}

// What was read anew is written behind this, or stands there with another stamp already.
void KnownFiles::forget_others() {
  std::vector<std::string> gone;
  for (const std::string& root : roots_)
    inventory::Files(store_).each_below(root, discover::kReader, [&](const inventory::Files::Known& row) {
      const One* const known = find(digest_of(row.path, row.stamp));
      if (known != nullptr && !known->was_met) gone.emplace_back(row.path);
    });
  write([&](inventory::Files& files) { files.forget(gone); });
}

}  // namespace

discover::Summary walk_known(discover::Walk walk, const discover::Passwords& passwords, inventory::Store* store,
                             base::Time now, const std::function<void(discover::File&&)>& see, std::stop_token stop) {
  if (store == nullptr) return discover::walk(walk, passwords, see, std::move(stop));
  KnownFiles known(*store, walk.roots, now);
  if (!known.empty())
    walk.known = [&](const std::string& path, const discover::Stamp& stamp) { return known.has(path, stamp); };
  const discover::Summary summary = discover::walk(
      walk, passwords, [&](discover::File&& file) { see(known.take(std::move(file), passwords)); }, std::move(stop));
  known.finish(summary.is_whole);
  return summary;
}

}  // namespace everseal::scan
