// Files of another client: its own links are followed, sizes bounded, and nothing is waited for.
#pragma once

#include "base/secret.h"
#include "importer/importer.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::importer {

// Empty where there is no such file. Error(io); Error(invalid) where it is no regular file or larger than a megabyte.
base::Secret read_if_there(const std::string& path);
// Error(not_found) too.
base::Secret read(const std::string& path);
// What cannot be looked at is neither.
bool is_directory(const std::string& path) noexcept;
bool is_file(const std::string& path) noexcept;
// Names in a directory, sorted, without hidden ones; none where it is no directory. Error(io).
std::vector<std::string> names_in(const std::string& directory);
// Folders at and below `top` that hold something named `file`, nearest first: "" is `top` itself, "/a/b" is below it.
// Error(io); Error(invalid) where there are too many to look at.
std::vector<std::string> folders_with(const std::string& top, const std::string& file);

// Leaf first, whatever the order in the files; those that are not there or empty are passed over. Error(not_found)
// where none is left; Error(invalid) where `key` is of no certificate in them.
std::vector<pki::Certificate> read_chain(const std::vector<std::string>& paths, const pki::PrivateKey& key);

// "https://acme.example.org:14000/dir" -> {that, "acme.example.org:14000"}; of what is no https URL, nothing.
Server server_of(const std::string& directory);
// Of the directory that a well-known CA has at this authority, else without one.
Server server_at(const std::string& authority);
// HOST or HOST:PORT of an https URL, in lower case; "" where it is none.
std::string authority_of(const std::string& url);

// The zone of a [challenge.NAME] that `name` lies in, as the config writes it: "example.org" of "*.Example.org"; "" for
// what is no DNS name.
std::string zone_of(std::string_view name);

// An option of a [challenge.NAME]; what is no port is left out.
void put_port(base::Table& options, std::string_view name, std::string_view text);

// The first account of which that is true.
std::optional<std::size_t> find_account(const Found& found, const std::function<bool(const Account&)>& is_it);

// One line of what may be long.
std::string shown(std::string_view text);

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
// Of an address, which is in no zone.
void leave_outside_zones(Found& found, const std::string& subject, std::string_view name);

// Runs `work`; its error becomes a remark, and the rest goes on.
void each_alone(Found& found, const std::string& subject, const std::function<void()>& work);

}  // namespace everseal::importer
