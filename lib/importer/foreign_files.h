// Files of another client: its own links are followed, sizes bounded.
#pragma once

#include "base/secret.h"
#include "importer/importer.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace everseal::importer {

// nullopt where there is no such file. Error(io), Error(invalid) where it is larger than a megabyte.
std::optional<std::string> read_text(const std::string& path);
// Error(not_found) too.
base::Secret read_secret(const std::string& path);
// Names in a directory, sorted, without hidden ones; none where it is missing.
std::vector<std::string> names_in(const std::string& directory);

// Leaf first, whatever the order in the files. Error(invalid) where a key of the leaf's is not `key`.
std::vector<pki::Certificate> read_chain(const std::vector<std::string>& paths, const pki::PrivateKey& key);

// "https://acme.example.org:14000/dir" -> {that, "acme.example.org:14000"}.
Server server_of(const std::string& directory);
// Of the directory that a well-known CA has at this authority, else without one.
Server server_at(const std::string& authority);
// HOST or HOST:PORT of a URL; "" where it is none.
std::string authority_of(const std::string& url);

// Options of a [challenge.NAME]; a port that is no number is left out.
void put_text(base::Table& options, std::string_view name, std::string text);
void put_words(base::Table& options, std::string_view name, const std::vector<std::string>& words);
void put_port(base::Table& options, std::string_view name, std::string_view text);

// Runs `work`; its error becomes a remark, and the rest goes on.
void each_alone(Found& found, const std::string& subject, const std::function<void()>& work);

}  // namespace everseal::importer
