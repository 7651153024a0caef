from gyre_ingestion.app import make_app
from gyre_ingestion.settings import Settings
from gyre_service.command import main

if __name__ == "__main__":
    main(Settings, make_app)
