// The steps that every way of coming to be shares: a folder that grows hidden, and the transaction that makes it count.
#pragma once

#include "authority/ceremony.h"
#include "base/file.h"
#include "base/lock.h"

#include <functional>
#include <string>

namespace everseal::authority {

// One founder of an authority at a time; held until it ends.
struct Site {
  inventory::Store& store;
  Name name;
  base::Directory authorities;
  base::FileLock lock;
};
Site open_site(inventory::Store& store, const Name& name);

// Where authorities/NAME is complete, `check` looks at what is there and may refuse; otherwise `build` fills a hidden
// directory that then becomes authorities/NAME. Either way the database learns of it last.
Founded found(Site& site, const std::string& manifest, const std::function<void(const base::Directory&)>& build,
              const std::function<void(const base::Directory&)>& check, Time now);

// The rows of what lies in `directory`, in one transaction.
Founded enrol(inventory::Store& store, const Name& name, const base::Directory& directory, Time now);

// What lies in `directory`, for the answer.
Founded describe(const base::Directory& directory);

void write_certificates(const base::Directory& directory, const std::string& file,
                        std::span<const pki::Certificate> certificates);
// The first CRL, so that there is one from the first day on.
void write_first_crl(const base::Directory& directory, const pki::Certificate& issuer, const pki::Signer& key,
                     Time now);

}  // namespace everseal::authority
