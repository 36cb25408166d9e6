// What dns-01 and dns-account-01 have in common: TXT records set through a provider, awaited, and taken away again.
#pragma once

#include "challenge/challenge.h"
#include "dns/dns.h"
#include "dns/lookup.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace everseal::challenge {

std::span<const base::Option> txt_options() noexcept;

// The name below which the answer of `task` is set, before CNAMEs: "_acme-challenge.www.example.org".
using NameOf = std::string (*)(const Task& task);

std::unique_ptr<Answerer> make_txt_answerer(const Method& method, NameOf name_of);

// Resolvers and port of authoritative servers as the options say.
dns::Lookup make_lookup(const base::Options& options);

// base64url of the SHA-256 of the key authorization (RFC 8555 section 8.4).
std::string txt_value(const Task& task);

// Any DNS name; wildcards too.
bool is_dns_name(const acme::Authorization& authorization);

}  // namespace everseal::challenge
