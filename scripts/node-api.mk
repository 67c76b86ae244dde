# What the addon's sources take from Node-API. Included by the makefiles that build the addon without node-gyp (binding.gyp says
# the same there). As system headers: our warnings are for our code.
node_api_cppflags := -isystem node_modules/node-api-headers/include -isystem node_modules/node-addon-api \
  -DNAPI_CPP_EXCEPTIONS -DNAPI_VERSION=8 -DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS -DBUILDING_NODE_EXTENSION
