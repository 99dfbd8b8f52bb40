/// The files of the interface, which the build embeds, in the order of the reference.
enum InterfaceFiles {
  static let all: [(name: String, bytes: [UInt8])] = [
    ("stores", PackageResources.stores_lua), ("values", PackageResources.values_lua),
    ("bus", PackageResources.bus_lua), ("registry", PackageResources.registry_lua),
    ("turns", PackageResources.turns_lua), ("effects", PackageResources.effects_lua),
    ("composition", PackageResources.composition_lua),
    ("factories", PackageResources.factories_lua),
    ("world", PackageResources.world_lua), ("http", PackageResources.http_lua),
    ("scripts", PackageResources.scripts_lua), ("lua", PackageResources.lua_lua),
  ]
}
