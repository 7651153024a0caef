from gyre_registry.app import make_app
from gyre_registry.settings import Settings
from gyre_service.command import main

if __name__ == "__main__":
    main(Settings, make_app)
