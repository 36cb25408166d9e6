// Files of another client: sizes are bounded, and nothing is waited for.
#pragma once

#include "base/secret.h"
#include "discover/host_files.h"
#include "importer/importer.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::importer {

// A file wherever it lies. Error(not_found/io); Error(invalid) where it is no regular file or larger than a megabyte.
base::Secret read_anywhere(const std::string& file);

// The directory that a client's files lie in. Links are followed as long as they stay in it. What they lead to
// elsewhere, and what belongs to another user than the directory, root or who reads, is not read: it may be a secret of
// others.
class ClientDirectory {
 public:
  explicit ClientDirectory(std::string path) : path_(std::move(path)) {}  // absolute

  const std::string& path() const noexcept { return path_; }
  // `file` is an absolute path below it. Error(denied) as said above, and the errors of read_anywhere().
  base::Secret read(const std::string& file) const;
  base::Secret read_if_there(const std::string& file) const;  // empty where there is no such file

 private:
  std::string path_;
};

// What cannot be looked at is neither.
bool is_directory(const std::string& path) noexcept;
bool is_file(const std::string& path) noexcept;
// Names in a directory, sorted, without hidden ones; none where it is no directory. Error(io).
std::vector<std::string> names_in(const std::string& directory);
// Folders at and below `top` that hold something named `file`, nearest first: "" is `top` itself, "/a/b" is below it.
// Error(io); Error(invalid) where there are too many to look at.
std::vector<std::string> folders_with(const std::string& top, const std::string& file);

// A certificate and its key, as a client keeps them.
struct KeyPair {
  std::vector<pki::Certificate> chain;  // leaf first, whatever the order in the files
  std::optional<pki::PrivateKey> key;   // nullopt where that of the leaf is of a type that is not used here
};
// Of `certificates` those that are not there or empty are passed over. Error(not_found) where none is left;
// Error(invalid) where `key` is none, or of no certificate in them.
KeyPair read_key_pair(const ClientDirectory& directory, const base::Secret& key,
                      const std::vector<std::string>& certificates);

// As a client's config writes it; nullopt where it is none.
std::optional<pki::Identifier> identifier_of(std::string_view name);
// The zone of a [challenge.NAME] that `name` lies in, as the config writes it: "example.org" of "*.example.org"; "" for
// what is no DNS name.
std::string zone_of(const pki::Identifier& name);
// "a.example.org", "b.example.org": those of all names, for a text in which zones = [...] stands.
std::string quoted_zones(const std::vector<pki::Identifier>& names);

// "https://acme.example.org:14000/dir" -> {that, "acme.example.org:14000"}; of what is no https URL, nothing.
Server server_of(const std::string& directory);
// Of the directory that a well-known CA has at this authority, else without one.
Server server_at(const std::string& authority);
// HOST or HOST:PORT of an https URL, in lower case; "" where it is none.
std::string authority_of(const std::string& url);

// An option of a [challenge.NAME]; what is no port is left out.
void put_port(base::Table& options, std::string_view name, std::string_view text);

// The first account of which that is true.
std::optional<std::size_t> find_account(const Found& found, const std::function<bool(const Account&)>& is_it);

using discover::shown;

// What a client can and we do otherwise, or not, by the name of its setting.
struct Leftover {
  std::string_view name;
  std::string_view text;
  std::string_view advice;
};
// A remark for each that is set: `value_of` gives its value, "" where that means nothing.
void leave_all(Found& found, const std::string& subject, std::span<const Leftover> leftovers,
               const std::function<std::string(std::string_view)>& value_of);
// Of a certificate whose key was made elsewhere.
void leave_without_key(Found& found, const std::string& subject);
// Of one whose key is of a type that is not used here.
void leave_unused_key(Found& found, const Lineage& lineage);

// Runs `work`; its error becomes a remark, and the rest goes on.
void each_alone(Found& found, const std::string& subject, const std::function<void()>& work);

}  // namespace everseal::importer
