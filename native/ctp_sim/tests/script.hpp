// The simulator's exports that the tests use; see script.cpp.
#pragma once
#include <cstdint>

extern "C" {
std::uint64_t tidewire_sim_open(const char* address, std::uint64_t seed, std::int64_t start_ms, double speed,
                                int query_rate, int flags);
int tidewire_sim_close(std::uint64_t front);
std::int64_t tidewire_sim_address(std::uint64_t front, char* out, std::int64_t room);
int tidewire_sim_add_user(std::uint64_t front, const char* broker, const char* user, const char* password,
                          const char* app_id, const char* auth_code, double balance);
int tidewire_sim_advance(std::uint64_t front, std::int64_t ms);
int tidewire_sim_settle(std::uint64_t front, std::int64_t start_ms);
int tidewire_sim_flood(std::uint64_t front, const char* instrument, std::int64_t count, std::int64_t interval_ns);
int tidewire_sim_drain(std::uint64_t front, std::int64_t timeout_ms);
int tidewire_sim_disconnect(std::uint64_t front, int reason, const char* user);
std::int64_t tidewire_sim_read(std::uint64_t front, const char* what, const char* user, void* out, std::int64_t room);
std::int64_t tidewire_sim_connections(std::uint64_t front);
}
